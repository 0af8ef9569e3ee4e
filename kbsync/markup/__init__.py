"""Markdown to Freshdesk's HTML and back: text in, text out. Knows nothing of trees, portals or files."""
