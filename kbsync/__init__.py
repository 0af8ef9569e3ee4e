"""Publish a Freshdesk knowledge base from Markdown in git, and pull it back."""

__version__ = "0.1.0"
