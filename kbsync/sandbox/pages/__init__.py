"""sandbox.pages."""
