"""Asking a vendor over HTTP, politely, whichever vendor it is."""
