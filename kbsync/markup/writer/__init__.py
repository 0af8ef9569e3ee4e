"""Normalized HTML written as Markdown."""
