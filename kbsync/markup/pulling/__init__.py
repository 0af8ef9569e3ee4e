"""HTML to Markdown: what each piece of a page is written as."""
