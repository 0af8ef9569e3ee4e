"""sandbox.api."""
