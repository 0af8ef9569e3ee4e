"""The content side: files and git in, a `KnowledgeBase` with its problems out, and edits back into files."""
