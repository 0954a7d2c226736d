"""The tables of a challenge's database, named by the stages that fill them.

Add a table or a column here together with a migration (a test holds the two equal); avoid
queries. Columns carry the names of the frames in ``domain.ledger``, and ``*_json`` columns are
JSON documents. ``info["key"]`` names the columns, in the contract's order, that identify a row
among all its versions.

A primary key begins with what windows select by, so that a window is one range of the key: no
other index is needed for it, new windows are appended, and on SQLite the rows of a window lie
side by side (``WITHOUT ROWID``, but not where rows hold large documents). Numbers are finite:
PostgreSQL would take NaN and infinity, SQLite infinity.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

from coordinator_pipelines.storage.column_types import JSON_TEXT, KEY_TEXT, UtcDateTime, utc_now

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

CELL = ("mode", "prediction_config_id", "performed_at", "model_id")
LARGEST = "1.7976931348623157e308"


def _key(name: str, *arguments: Any, **options: Any) -> Column[str]:
    return Column(name, KEY_TEXT, *arguments, nullable=False, **options)


def _text(name: str, *, nullable: bool = True) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _json(name: str) -> Column[str]:
    return Column(name, JSON_TEXT)


def _instant(name: str, *, nullable: bool = False, **options: Any) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=nullable, **options)


def _whole(name: str, *, nullable: bool = False, **options: Any) -> Column[int]:
    return Column(name, Integer, nullable=nullable, **options)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _number(name: str, *, nullable: bool = True) -> Column[float]:
    finite = CheckConstraint(f"{name} BETWEEN -{LARGEST} AND {LARGEST}", name=f"{name}_finite")
    return Column(name, Double, finite, nullable=nullable)


def _table(name: str, key: tuple[str, ...], *items: Any, rowid: bool = False) -> Table:
    created_at = _instant("created_at", server_default=utc_now())
    return Table(name, metadata, *items, created_at, sqlite_with_rowid=rowid, info={"key": key})


ledger_identity = _table(
    "ledger_identity",
    ("id",),
    _whole("id", primary_key=True, autoincrement=False),
    _text("challenge", nullable=False),
    _text("feed", nullable=False),
    _whole("statistics_bucket_seconds"),
    CheckConstraint("id = 1", name="one_row"),
)

scheduled_prediction_configs = _table(
    "scheduled_prediction_configs",
    ("id",),
    _key("id", primary_key=True),
    _text("scope_key", nullable=False),
    _json("scope_json"),
    _json("schedule_json"),
    _flag("active"),
    _whole("order"),
    _json("meta_json"),
)

models = _table(
    "models",
    ("id",),
    _key("id", primary_key=True),
    _text("name"),
    _text("owner"),
    _text("code_hash"),
)

model_memberships = _table(
    "model_memberships",
    ("mode", "model_id", "joined_at"),
    _key("mode", primary_key=True),
    _key("model_id", primary_key=True),
    _instant("joined_at", primary_key=True),
    _instant("left_at", nullable=True),
    _text("name"),
    _text("owner"),
    _text("code_hash"),
)

feed_records = _table(
    "feed_records",
    ("subject", "ended_at"),
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

rounds = _table(
    "rounds",
    ("mode", "prediction_config_id", "performed_at"),
    _key("mode", primary_key=True),
    _instant("performed_at", primary_key=True),
    _key("prediction_config_id", ForeignKey("scheduled_prediction_configs.id"), primary_key=True),
    _instant("resolvable_at"),
    _text("status", nullable=False),
    _text("reason"),
    _instant("input_ended_at", nullable=True),
    _text("run_id"),
    _json("scope_json"),
    _json("input_json"),
    rowid=True,
)

predictions = _table(
    "predictions",
    CELL,
    _key("mode", primary_key=True),
    _instant("performed_at", primary_key=True),
    _key("prediction_config_id", primary_key=True),
    _key("model_id", ForeignKey("models.id"), primary_key=True),
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

ground_truths = _table(
    "ground_truths",
    ("prediction_config_id", "performed_at"),
    _instant("performed_at", primary_key=True),
    _key("prediction_config_id", ForeignKey("scheduled_prediction_configs.id"), primary_key=True),
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

scores = _table(
    "scores",
    CELL,
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
    Index(None, "mode", "resolvable_at"),
)

score_statistics = _table(
    "score_statistics",
    ("mode", "prediction_config_id", "model_id", "bucket_end"),
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

model_scores = _table(
    "model_scores",
    ("mode", "as_of", "model_id"),
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

leaderboards = _table(
    "leaderboards",
    ("mode", "as_of"),
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
