"""Live HTML updated to a rendered text, with every byte kept that need not change."""
