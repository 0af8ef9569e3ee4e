"""One publisher at a time, and whoever comes after one that was cut off."""
