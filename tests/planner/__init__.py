"""The comparison: the table, identity, and what each side did."""
