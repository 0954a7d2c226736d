"""The first schema: everything that a challenge remembers, from feed records to leaderboards.

Revision: 0001, the first one.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JSON_TEXT = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
NOW = {
    "postgresql": "now()",
    "sqlite": "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
}
LARGEST = "1.7976931348623157e308"


def upgrade() -> None:
    """Create the tables."""
    _create_challenge_tables()
    _create_stage_tables()
    _create_score_tables()
    _create_board_tables()
    _create_operation_tables()


def _create_challenge_tables() -> None:
    _create(
        "ledger_identity",
        _whole("id", primary_key=True, autoincrement=False),
        _text("challenge", nullable=False),
        _text("feed", nullable=False),
        _whole("statistics_bucket_seconds"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    _create(
        "scheduled_prediction_configs",
        _key("id", primary_key=True),
        _text("scope_key", nullable=False),
        _json("scope_json"),
        _json("schedule_json"),
        _flag("active"),
        _whole("order"),
        _json("meta_json"),
    )
    _create(
        "models",
        _key("id", primary_key=True),
        _text("name"),
        _text("owner"),
        _text("code_hash"),
    )
    _create(
        "model_memberships",
        _key("mode", primary_key=True),
        _key("model_id", primary_key=True),
        _instant("joined_at", primary_key=True),
        _instant("left_at", nullable=True),
        _text("name"),
        _text("owner"),
        _text("code_hash"),
    )


def _create_stage_tables() -> None:
    _create(
        "feed_records",
        _key("subject", primary_key=True),
        _instant("ended_at", primary_key=True),
        _whole("version", primary_key=True, autoincrement=False),
        _number("open"),
        _number("high"),
        _number("low"),
        _number("close", nullable=False),
        _number("volume"),
        _text("source", nullable=False),
        _instant("observed_at"),
    )
    _create(
        "rounds",
        _key("mode", primary_key=True),
        _instant("performed_at", primary_key=True),
        _key(
            "prediction_config_id",
            sa.ForeignKey("scheduled_prediction_configs.id"),
            primary_key=True,
        ),
        _instant("resolvable_at"),
        _text("status", nullable=False),
        _text("reason"),
        _instant("input_ended_at", nullable=True),
        _text("run_id"),
        _json("scope_json"),
        _json("input_json"),
        rowid=True,
    )
    _create(
        "open_rounds",
        _instant("performed_at", primary_key=True),
        _key("prediction_config_id", primary_key=True),
        _instant("resolvable_at"),
    )
    _create(
        "predictions",
        _key("mode", primary_key=True),
        _instant("performed_at", primary_key=True),
        _key("prediction_config_id", primary_key=True),
        _key("model_id", sa.ForeignKey("models.id"), primary_key=True),
        _whole("version", primary_key=True, autoincrement=False),
        _key("id", unique=True),
        _instant("resolvable_at"),
        _text("scope_key", nullable=False),
        _text("status", nullable=False),
        _text("runner_status"),
        _text("failed_reason"),
        _number("exec_time_ms"),
        _text("code_hash"),
        _text("run_id"),
        _json("output_json"),
        _json("raw_output_json"),
    )
    _create(
        "ground_truths",
        _instant("performed_at", primary_key=True),
        _key(
            "prediction_config_id",
            sa.ForeignKey("scheduled_prediction_configs.id"),
            primary_key=True,
        ),
        _whole("version", primary_key=True, autoincrement=False),
        _instant("resolvable_at"),
        _text("subject"),
        _number("entry_price"),
        _number("resolved_price"),
        _number("outcome"),
        _text("state", nullable=False),
        _text("reason"),
        _json("payload_json"),
        _whole("entry_record_version", nullable=True),
        _whole("resolved_record_version", nullable=True),
        _text("run_id"),
    )
    _create_index("rounds", "mode", "status", "performed_at")
    _create_index("ground_truths", "resolvable_at")


def _create_score_tables() -> None:
    _create(
        "scores",
        _key("mode", primary_key=True),
        _instant("performed_at", primary_key=True),
        _key("prediction_config_id", primary_key=True),
        _key("model_id", primary_key=True),
        _whole("version", primary_key=True, autoincrement=False),
        _instant("resolvable_at"),
        _whole("prediction_version", nullable=True),
        _whole("truth_version", nullable=True),
        _text("scorer"),
        _text("status", nullable=False),
        _number("value"),
        _flag("success"),
        _text("rule", nullable=False),
        _text("failed_reason"),
        _text("run_id"),
    )
    _create(
        "score_statistics",
        _key("mode", primary_key=True),
        _instant("bucket_end", primary_key=True),
        _key("prediction_config_id", primary_key=True),
        _key("model_id", primary_key=True),
        _whole("n"),
        _whole("n_imputed"),
        _whole("n_success"),
        _whole("n_failed"),
        _whole("n_timeout"),
        _whole("n_abstained"),
        _whole("n_absent"),
        _number("total", nullable=False),
        _number("squares", nullable=False),
        _number("log_wealth", nullable=False),
        _whole("n_ruin"),
        _whole("n_positive"),
    )
    _create_index("scores", "mode", "resolvable_at")


def _create_board_tables() -> None:
    _create(
        "model_scores",
        _key("mode", primary_key=True),
        _instant("as_of", primary_key=True),
        _key("model_id", primary_key=True),
        _whole("version", primary_key=True, autoincrement=False),
        _text("content_hash"),
        _text("run_id"),
        _json("metrics_json"),
        _json("payload_json"),
        rowid=True,
    )
    _create(
        "leaderboards",
        _key("mode", primary_key=True),
        _instant("as_of", primary_key=True),
        _whole("version", primary_key=True, autoincrement=False),
        _flag("final"),
        _text("content_hash"),
        _text("run_id"),
        _json("entries_json"),
        _json("meta_json"),
        rowid=True,
    )


def _create_operation_tables() -> None:
    _create(
        "captures",
        _key("run_id", primary_key=True),
        _instant("span_start"),
        _instant("span_end"),
        _instant("started_at"),
        _instant("alive_until"),
        _instant("ended_at", nullable=True),
        _text("end_reason"),
    )
    for column in ("started_at", "span_start", "span_end"):
        _create_index("captures", column)
    _create(
        "round_leases",
        _instant("performed_at", primary_key=True),
        _key("prediction_config_id", primary_key=True),
        _text("run_id", nullable=False),
        _instant("claimed_at"),
    )
    _create(
        "round_timings",
        _instant("performed_at", primary_key=True, autoincrement=False),
        _text("run_id"),
        _whole("models"),
        _number("wake_ms"),
        _number("prepare_ms"),
        _number("models_ms"),
        _number("validate_ms"),
        _number("commit_ms"),
        _number("total_ms"),
    )
    _create(
        "model_events",
        _instant("at", primary_key=True),
        _key("model_id", primary_key=True),
        _key("kind", primary_key=True),
        _text("code_hash"),
        _text("reason"),
    )
    _create_index("model_events", "model_id", "at")
    _create(
        "config_pauses",
        _key("prediction_config_id", primary_key=True),
        _instant("paused_at", primary_key=True),
        _instant("resumed_at", nullable=True),
        _text("reason"),
    )


def _create_index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _create(name: str, *items: Any, rowid: bool = False) -> None:
    now = sa.text(NOW[op.get_bind().dialect.name])
    created_at = _instant("created_at", server_default=now)
    op.create_table(name, *items, created_at, sqlite_with_rowid=rowid)


def _key(name: str, *arguments: Any, **options: Any) -> sa.Column[str]:
    return sa.Column(name, KEY_TEXT, *arguments, nullable=False, **options)


def _text(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _json(name: str) -> sa.Column[str]:
    return sa.Column(name, JSON_TEXT)


def _instant(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable, **options)


def _whole(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable, **options)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _number(name: str, *, nullable: bool = True) -> sa.Column[float]:
    finite = sa.CheckConstraint(f"{name} BETWEEN -{LARGEST} AND {LARGEST}", name=f"{name}_finite")
    return sa.Column(name, sa.Double, finite, nullable=nullable)
