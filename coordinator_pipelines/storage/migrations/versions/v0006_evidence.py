"""The log of evidence: what rounds, truths and boards committed to, from here on.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NOW = {
    "postgresql": "now()",
    "sqlite": "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
}


def upgrade() -> None:
    """Create the tables. What was stored before stays without evidence: it would prove nothing."""
    op.create_table(
        "evidence_entries",
        _key("position"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("mode", sa.Text),
        sa.Column("prediction_config_id", sa.Text),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        _created_at(),
        sqlite_with_rowid=True,
    )
    op.create_index("ix_evidence_entries_kind_at", "evidence_entries", ["kind", "at"])
    op.create_table(
        "evidence_nodes",
        _key("level"),
        _key("position"),
        sa.Column("hash", sa.Text, nullable=False),
        _created_at(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evidence_commitments",
        _key("position", sa.ForeignKey("evidence_entries.position")),
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("leaves", sa.Text, nullable=False),
        _created_at(),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "evidence_heads",
        _key("size"),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("signed_at", INSTANT, nullable=False),
        sa.Column("verifier_key", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        _created_at(),
        sqlite_with_rowid=False,
    )


def _key(name: str, *more: sa.ForeignKey) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, *more, primary_key=True, autoincrement=False, nullable=False)


def _created_at() -> sa.Column[int]:
    now = sa.text(NOW[op.get_bind().dialect.name])
    return sa.Column("created_at", INSTANT, nullable=False, server_default=now)
