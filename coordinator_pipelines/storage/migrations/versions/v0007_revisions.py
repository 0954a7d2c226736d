"""Revisions of final boards, and rounds that an operator voided.

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
    """Create the tables. No truth that is stored follows a void: there were none."""
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
    op.create_table(
        "round_voids",
        sa.Column("performed_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("prediction_config_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _created_at(),
        sqlite_with_rowid=False,
    )
    op.add_column("ground_truths", sa.Column("void_sequence", sa.Integer))


def _created_at() -> sa.Column[int]:
    now = sa.text(NOW[op.get_bind().dialect.name])
    return sa.Column("created_at", INSTANT, nullable=False, server_default=now)
