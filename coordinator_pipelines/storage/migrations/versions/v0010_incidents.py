"""Incidents: what was wrong from when to when, who was told, who has taken note.

Revision: 0010, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"

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
        "incidents",
        sa.Column("name", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("subject", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("began_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("told_at", INSTANT),
        sa.Column("end_told_at", INSTANT),
        sa.Column("silenced_at", INSTANT),
        sa.Column("silenced_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False, server_default=now),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_incidents_ended_at", "incidents", ["ended_at"])
