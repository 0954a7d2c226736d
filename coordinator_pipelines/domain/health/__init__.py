"""What an operator wants to know of a live challenge."""
