"""markup.patch."""
