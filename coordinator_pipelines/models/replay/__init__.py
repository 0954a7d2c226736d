"""Models asked about the past, each in watched processes of its own."""
