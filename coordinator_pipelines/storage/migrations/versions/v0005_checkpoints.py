"""Checkpoints, what happened to them, and the accounts that are paid.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JSON_TEXT = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NOW = {
    "postgresql": "now()",
    "sqlite": "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
}


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "checkpoints",
        sa.Column("mode", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("period_end", INSTANT, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("id", KEY_TEXT, nullable=False),
        sa.Column("period_start", INSTANT, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("entries_json", JSON_TEXT),
        sa.Column("meta_json", JSON_TEXT),
        _created_at(),
        sa.UniqueConstraint("id", name="uq_checkpoints_id"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "checkpoint_events",
        sa.Column("checkpoint_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("reason", sa.Text),
        _created_at(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payout_accounts",
        sa.Column("mode", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("model_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("cruncher_index", sa.Integer, nullable=False),
        _created_at(),
        sqlite_with_rowid=False,
    )


def _created_at() -> sa.Column[int]:
    now = sa.text(NOW[op.get_bind().dialect.name])
    return sa.Column("created_at", INSTANT, nullable=False, server_default=now)
