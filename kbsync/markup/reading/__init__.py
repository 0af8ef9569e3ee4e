"""What stands in a Markdown text, without rendering it."""
