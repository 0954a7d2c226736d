"""Who takes part, since when, and what is expected of them."""
