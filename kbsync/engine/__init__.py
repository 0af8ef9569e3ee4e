"""The operations of kbsync: plan, publish, pull, adopt, undo, and what they share."""
