"""The public pages, for people."""
