"""The pages of the sandbox, for readers and for agents."""
