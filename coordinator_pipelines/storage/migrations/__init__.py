"""Revisions of the schema, run by Alembic through ``storage.schema``."""
