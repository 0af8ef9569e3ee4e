"""Two versions of a Markdown text made one."""
