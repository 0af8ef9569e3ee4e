"""Plans and outcomes in the forms people and programs read: terminal text, JSON, Markdown, HTML."""
