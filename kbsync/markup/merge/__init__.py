"""markup.merge."""
