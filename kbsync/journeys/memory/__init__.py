"""What runs leave behind: agreements, in the ledger and on the way there."""
