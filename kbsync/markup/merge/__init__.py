"""Markdown merged with another version of it, block by block."""
