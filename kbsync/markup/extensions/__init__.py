"""markup.extensions."""
