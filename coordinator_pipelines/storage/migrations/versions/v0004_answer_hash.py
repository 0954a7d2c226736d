"""A hash of each stored answer, by which a row that is changed later is told.

Revision: 0004, after 0003.

The rows that there are get theirs too, of what they say now: so no row is without one, and one
that is without was changed.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from coordinator_pipelines.domain.prediction_batch.answer_hash import HASHED_COLUMNS, answer_hashes
from coordinator_pipelines.storage.engine import reads
from coordinator_pipelines.storage.tables import predictions

revision = "0004"
down_revision = "0003"

ROWS = 20_000
"""Read at a time; documents may be large."""


def upgrade() -> None:
    """Add the column and fill it."""
    op.add_column("predictions", sa.Column("answer_hash", sa.Text))
    connection, own = op.get_bind(), predictions.c
    fill = (
        sa.update(predictions)
        .where(own.id == sa.bindparam("row"))
        .values(answer_hash=sa.bindparam("hash"))
    )
    for some in _ranges(connection):
        rows = reads.read(connection, predictions, HASHED_COLUMNS, *some)
        hashes = zip(rows["id"], answer_hashes(rows), strict=True)
        connection.execute(fill, [{"row": row, "hash": digest} for row, digest in hashes])


def _ranges(connection: Connection) -> Iterator[tuple[sa.ColumnElement[bool], ...]]:
    """Conditions of so many rows at a time, in the order of their ids."""
    own, last = predictions.c.id, ""
    while True:
        following = sa.select(own).where(own > last).order_by(own)
        end = connection.scalar(following.offset(ROWS - 1).limit(1))
        if end is None:
            if connection.scalar(following.limit(1)) is not None:
                yield (own > last,)
            return
        yield own > last, own <= end
        last = end
