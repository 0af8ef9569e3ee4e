"""Ledger, lease and journal."""
