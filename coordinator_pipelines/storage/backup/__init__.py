"""A challenge's database to a file and back."""
