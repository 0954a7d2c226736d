"""Models asked as rounds happen, over the published protocol."""
