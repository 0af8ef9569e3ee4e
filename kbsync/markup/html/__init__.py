"""HTML as plain values: read, written, and known for what shows."""
