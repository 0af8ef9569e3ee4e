"""Pull requests made without a checkout."""
