"""The Freshdesk API: HTTP, rate limit, JSON, and reading and writing a portal."""
