"""The API of the sandbox: its calls by resource, validation and JSON."""
