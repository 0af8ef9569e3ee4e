"""freshdesk."""
