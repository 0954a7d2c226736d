"""Ensembles: their weights, and what they answered.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JSON_TEXT = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NOW = {
    "postgresql": "now()",
    "sqlite": "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
}
FINITE = "value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ensemble_weights",
        sa.Column("mode", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("as_of", INSTANT, primary_key=True, nullable=False),
        sa.Column("model_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("weights_json", JSON_TEXT),
        _created_at(),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "ensemble_answers",
        sa.Column("mode", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("performed_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("prediction_config_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("model_id", KEY_TEXT, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("resolvable_at", INSTANT, nullable=False),
        sa.Column("weights_as_of", INSTANT, nullable=False),
        sa.Column("truth_version", sa.Integer, nullable=False),
        sa.Column("scorer", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("value", sa.Double, sa.CheckConstraint(FINITE, name="value_finite")),
        sa.Column("failed_reason", sa.Text),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("output_json", JSON_TEXT),
        sa.Column("members_json", JSON_TEXT),
        _created_at(),
        sqlite_with_rowid=True,
    )
    op.create_index(
        "ix_ensemble_answers_mode_resolvable_at", "ensemble_answers", ["mode", "resolvable_at"]
    )


def _created_at() -> sa.Column[int]:
    now = sa.text(NOW[op.get_bind().dialect.name])
    return sa.Column("created_at", INSTANT, nullable=False, server_default=now)
