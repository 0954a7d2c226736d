"""What is stored, computed again from what it was made of, and compared bit for bit."""
