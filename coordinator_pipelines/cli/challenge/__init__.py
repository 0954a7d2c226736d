"""The challenge that a command is about: where it is, its database, its backfills."""
