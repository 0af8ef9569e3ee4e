"""A pull worked out: the files that it writes, and what they agree with."""
