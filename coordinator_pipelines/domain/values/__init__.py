"""What every value is held to before anything else: errors, JSON, canonical content."""
