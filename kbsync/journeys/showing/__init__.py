"""What is told of items and sent for them: addresses, renderings, explanations."""
