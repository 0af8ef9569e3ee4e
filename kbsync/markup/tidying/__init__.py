"""HTML in the one form that comparison and conversion start from."""
