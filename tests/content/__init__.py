"""The content tree: documents, includes, reading a tree, lint."""
