"""What Markdown and Freshdesk say differently: each construct with its one name each way."""
