"""A plan carried out on the portal."""
