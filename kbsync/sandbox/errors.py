"""What the sandbox raises for the eyes of whoever started it."""


class SandboxError(Exception):
    """The sandbox cannot start or cannot take what it was given; the text says what to do next."""
