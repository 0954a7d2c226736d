"""Which rounds there should be, when, and what became of those that were not held."""
