"""The live side: Freshdesk's Solutions API and the addresses of its portal."""
