"""Seasons: which were frozen, reopened, made final.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NOW = {
    "postgresql": "now()",
    "sqlite": "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
}


def upgrade() -> None:
    """Create the table."""
    now = sa.text(NOW[op.get_bind().dialect.name])
    op.create_table(
        "season_events",
        sa.Column("season", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=now),
        sqlite_with_rowid=False,
    )
