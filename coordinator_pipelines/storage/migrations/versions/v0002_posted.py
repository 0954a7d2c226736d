"""What operators post: rounds that they open, with features, and truths.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

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
        "opened_rounds",
        sa.Column("performed_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("prediction_config_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("closes_at", INSTANT, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("features_json", JSON_TEXT),
        _created_at(),
        sqlite_with_rowid=True,
    )
    op.create_index("ix_opened_rounds_closes_at", "opened_rounds", ["closes_at"])
    op.create_table(
        "posted_truths",
        sa.Column("performed_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("prediction_config_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("truth_json", JSON_TEXT),
        _created_at(),
        sqlite_with_rowid=True,
    )


def _created_at() -> sa.Column[int]:
    now = sa.text(NOW[op.get_bind().dialect.name])
    return sa.Column("created_at", INSTANT, nullable=False, server_default=now)
