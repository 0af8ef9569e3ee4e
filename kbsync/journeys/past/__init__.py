"""The runs of the past: retold, and turned round."""
