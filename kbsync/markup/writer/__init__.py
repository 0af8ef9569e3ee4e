"""markup.writer."""
