"""Revisions: what changed between two versions of a final board.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JSON_TEXT = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NOW = {
    "postgresql": "now()",
    "sqlite": "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
}


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "revisions",
        sa.Column("mode", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("as_of", INSTANT, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("id", KEY_TEXT, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("summary_json", JSON_TEXT),
        sa.Column("document_json", JSON_TEXT),
        _created_at(),
        sa.UniqueConstraint("id", name="uq_revisions_id"),
        sqlite_with_rowid=True,
    )


def _created_at() -> sa.Column[int]:
    now = sa.text(NOW[op.get_bind().dialect.name])
    return sa.Column("created_at", INSTANT, nullable=False, server_default=now)
