"""Agreements as text, and which of several counts."""
