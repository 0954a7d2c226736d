"""What the outcome was, when that can be known, and when it is final."""
