"""Git as kbsync uses it."""
