"""Freshdesk's constructs beyond CommonMark, one module each: how Markdown writes them and what HTML they are."""
