"""The content side."""
