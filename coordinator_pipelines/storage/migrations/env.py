"""Alembic's entry: runs revisions on the connection that ``storage.schema`` brings.

Avoid URLs and settings here: the caller has opened the transaction and holds the lock.
"""

from alembic import context

from coordinator_pipelines.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
