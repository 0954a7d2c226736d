"""The tables of a challenge's database, named by the stages that fill them.

Add a table or a column here together with a migration (a test holds the two equal); avoid queries.
Columns carry the names of the frames in ``domain.doors.ledger``, and ``*_json`` columns are JSON
documents. ``info["key"]`` names the columns, in the contract's order, that identify a row among all
its versions.

A primary key begins with what windows select by, so that a window is one range of the key: no
other index is needed for it, new windows are appended, and on SQLite the rows of a window lie
side by side (``WITHOUT ROWID``, but not where rows hold large documents).
"""

from sqlalchemy import CheckConstraint, ForeignKey, Index

from coordinator_pipelines.storage.columns import (
    flag,
    instant,
    json,
    key,
    number,
    table,
    text,
    whole,
)

CELL = ("mode", "prediction_config_id", "performed_at", "model_id")

ledger_identity = table(
    "ledger_identity",
    ("id",),
    whole("id", primary_key=True, autoincrement=False),
    text("challenge", nullable=False),
    text("feed", nullable=False),
    whole("statistics_bucket_seconds"),
    CheckConstraint("id = 1", name="one_row"),
)

scheduled_prediction_configs = table(
    "scheduled_prediction_configs",
    ("id",),
    key("id", primary_key=True),
    text("scope_key", nullable=False),
    json("scope_json"),
    json("schedule_json"),
    flag("active"),
    whole("order"),
    json("meta_json"),
)

models = table(
    "models",
    ("id",),
    key("id", primary_key=True),
    text("name"),
    text("owner"),
    text("owner_id"),
    text("code_hash"),
)

model_memberships = table(
    "model_memberships",
    ("mode", "model_id", "joined_at"),
    key("mode", primary_key=True),
    key("model_id", primary_key=True),
    instant("joined_at", primary_key=True),
    instant("left_at", nullable=True),
    text("name"),
    text("owner"),
    text("owner_id"),
    text("code_hash"),
)

feed_records = table(
    "feed_records",
    ("subject", "ended_at"),
    key("subject", primary_key=True),
    instant("ended_at", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    number("open"),
    number("high"),
    number("low"),
    number("close", nullable=False),
    number("volume"),
    text("source", nullable=False),
    instant("observed_at"),
)

rounds = table(
    "rounds",
    ("mode", "prediction_config_id", "performed_at"),
    key("mode", primary_key=True),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", ForeignKey("scheduled_prediction_configs.id"), primary_key=True),
    instant("resolvable_at"),
    text("status", nullable=False),
    text("reason"),
    instant("input_ended_at", nullable=True),
    text("run_id"),
    json("scope_json"),
    json("input_json"),
    Index(None, "mode", "status", "performed_at"),
    rowid=True,
)

open_rounds = table(
    "open_rounds",
    ("prediction_config_id", "performed_at"),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    instant("resolvable_at"),
)

predictions = table(
    "predictions",
    CELL,
    key("mode", primary_key=True),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    key("model_id", ForeignKey("models.id"), primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    key("id", unique=True),
    instant("resolvable_at"),
    text("scope_key", nullable=False),
    text("status", nullable=False),
    text("runner_status"),
    text("failed_reason"),
    number("exec_time_ms"),
    text("code_hash"),
    text("run_id"),
    json("output_json"),
    json("raw_output_json"),
    text("answer_hash"),
)

ground_truths = table(
    "ground_truths",
    ("prediction_config_id", "performed_at"),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", ForeignKey("scheduled_prediction_configs.id"), primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    instant("resolvable_at"),
    text("subject"),
    number("entry_price"),
    number("resolved_price"),
    number("outcome"),
    text("state", nullable=False),
    text("reason"),
    json("payload_json"),
    whole("entry_record_version", nullable=True),
    whole("resolved_record_version", nullable=True),
    whole("void_sequence", nullable=True),
    text("run_id"),
    Index(None, "resolvable_at"),
)

scores = table(
    "scores",
    CELL,
    key("mode", primary_key=True),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    key("model_id", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    instant("resolvable_at"),
    whole("prediction_version", nullable=True),
    whole("truth_version", nullable=True),
    text("scorer"),
    text("status", nullable=False),
    number("value"),
    flag("success"),
    text("rule", nullable=False),
    text("failed_reason"),
    text("run_id"),
    Index(None, "mode", "resolvable_at"),
)

score_statistics = table(
    "score_statistics",
    ("mode", "prediction_config_id", "model_id", "bucket_end"),
    key("mode", primary_key=True),
    instant("bucket_end", primary_key=True),
    key("prediction_config_id", primary_key=True),
    key("model_id", primary_key=True),
    whole("n"),
    whole("n_imputed"),
    whole("n_success"),
    whole("n_failed"),
    whole("n_timeout"),
    whole("n_abstained"),
    whole("n_absent"),
    number("total", nullable=False),
    number("squares", nullable=False),
    number("log_wealth", nullable=False),
    whole("n_ruin"),
    whole("n_positive"),
)

ensemble_weights = table(
    "ensemble_weights",
    ("mode", "as_of", "model_id"),
    key("mode", primary_key=True),
    instant("as_of", primary_key=True),
    key("model_id", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    text("content_hash", nullable=False),
    text("run_id"),
    json("weights_json"),
    rowid=True,
)

ensemble_answers = table(
    "ensemble_answers",
    CELL,
    key("mode", primary_key=True),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    key("model_id", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    instant("resolvable_at"),
    instant("weights_as_of"),
    whole("truth_version"),
    text("scorer"),
    text("status", nullable=False),
    number("value"),
    text("failed_reason"),
    text("content_hash", nullable=False),
    text("run_id"),
    json("output_json"),
    json("members_json"),
    Index(None, "mode", "resolvable_at"),
    rowid=True,
)

model_scores = table(
    "model_scores",
    ("mode", "as_of", "model_id"),
    key("mode", primary_key=True),
    instant("as_of", primary_key=True),
    key("model_id", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    text("content_hash"),
    text("run_id"),
    json("metrics_json"),
    json("payload_json"),
    rowid=True,
)

leaderboards = table(
    "leaderboards",
    ("mode", "as_of"),
    key("mode", primary_key=True),
    instant("as_of", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    flag("final"),
    text("content_hash"),
    text("run_id"),
    json("entries_json"),
    json("meta_json"),
    rowid=True,
)

revisions = table(
    "revisions",
    ("mode", "as_of"),
    key("mode", primary_key=True),
    instant("as_of", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    key("id", unique=True),
    text("content_hash", nullable=False),
    text("run_id"),
    json("summary_json"),
    json("document_json"),
    rowid=True,
)

captures = table(
    "captures",
    ("started_at", "run_id"),
    key("run_id", primary_key=True),
    instant("span_start"),
    instant("span_end"),
    instant("started_at"),
    instant("alive_until"),
    instant("ended_at", nullable=True),
    text("end_reason"),
    Index(None, "started_at"),
    Index(None, "span_start"),
    Index(None, "span_end"),
)

round_leases = table(
    "round_leases",
    ("prediction_config_id", "performed_at"),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    text("run_id", nullable=False),
    instant("claimed_at"),
)

round_timings = table(
    "round_timings",
    ("performed_at",),
    instant("performed_at", primary_key=True),
    text("run_id"),
    whole("models"),
    number("wake_ms"),
    number("prepare_ms"),
    number("models_ms"),
    number("validate_ms"),
    number("commit_ms"),
    number("total_ms"),
)

model_events = table(
    "model_events",
    ("at", "model_id", "kind"),
    instant("at", primary_key=True),
    key("model_id", primary_key=True),
    key("kind", primary_key=True),
    text("code_hash"),
    text("reason"),
    Index(None, "model_id", "at"),
)

config_pauses = table(
    "config_pauses",
    ("prediction_config_id", "paused_at"),
    key("prediction_config_id", primary_key=True),
    instant("paused_at", primary_key=True),
    instant("resumed_at", nullable=True),
    text("reason"),
)

incidents = table(
    "incidents",
    ("name", "subject", "began_at"),
    key("name", primary_key=True),
    key("subject", primary_key=True),
    instant("began_at", primary_key=True),
    text("problem", nullable=False),
    instant("seen_at"),
    instant("ended_at", nullable=True),
    instant("told_at", nullable=True),
    instant("end_told_at", nullable=True),
    instant("silenced_at", nullable=True),
    text("silenced_by"),
    text("reason"),
    Index(None, "ended_at"),
)

round_voids = table(
    "round_voids",
    ("prediction_config_id", "performed_at"),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    whole("sequence", primary_key=True, autoincrement=False),
    instant("at"),
    text("kind", nullable=False),
    text("actor", nullable=False),
    text("reason", nullable=False),
)

season_events = table(
    "season_events",
    ("season", "sequence"),
    key("season", primary_key=True),
    whole("sequence", primary_key=True, autoincrement=False),
    instant("at"),
    text("kind", nullable=False),
    text("actor", nullable=False),
    text("reason", nullable=False),
    instant("starts_at"),
    instant("ends_at"),
)

opened_rounds = table(
    "opened_rounds",
    ("prediction_config_id", "performed_at"),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    instant("closes_at"),
    instant("opened_at"),
    text("content_hash", nullable=False),
    json("features_json"),
    Index(None, "closes_at"),
    rowid=True,
)

posted_truths = table(
    "posted_truths",
    ("prediction_config_id", "performed_at"),
    instant("performed_at", primary_key=True),
    key("prediction_config_id", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    instant("posted_at"),
    text("content_hash", nullable=False),
    json("truth_json"),
    rowid=True,
)

checkpoints = table(
    "checkpoints",
    ("mode", "period_end"),
    key("mode", primary_key=True),
    instant("period_end", primary_key=True),
    whole("version", primary_key=True, autoincrement=False),
    key("id", unique=True),
    instant("period_start"),
    instant("as_of"),
    text("content_hash", nullable=False),
    text("run_id"),
    json("entries_json"),
    json("meta_json"),
    rowid=True,
)

checkpoint_events = table(
    "checkpoint_events",
    ("checkpoint_id", "sequence"),
    key("checkpoint_id", primary_key=True),
    whole("sequence", primary_key=True, autoincrement=False),
    instant("at"),
    text("kind", nullable=False),
    text("actor", nullable=False),
    text("reference"),
    text("reason"),
)

payout_accounts = table(
    "payout_accounts",
    ("mode", "model_id"),
    key("mode", primary_key=True),
    key("model_id", primary_key=True),
    text("account", nullable=False),
    whole("cruncher_index"),
)

evidence_entries = table(
    "evidence_entries",
    ("position",),
    whole("position", primary_key=True, autoincrement=False),
    text("kind", nullable=False),
    text("mode"),
    text("prediction_config_id"),
    instant("at"),
    whole("version"),
    text("entry", nullable=False),
    Index(None, "kind", "at"),
    rowid=True,
)

evidence_nodes = table(
    "evidence_nodes",
    ("level", "position"),
    whole("level", primary_key=True, autoincrement=False),
    whole("position", primary_key=True, autoincrement=False),
    text("hash", nullable=False),
)

evidence_commitments = table(
    "evidence_commitments",
    ("position",),
    whole(
        "position", ForeignKey("evidence_entries.position"), primary_key=True, autoincrement=False
    ),
    text("seed", nullable=False),
    text("leaves", nullable=False),
    rowid=True,
)

evidence_heads = table(
    "evidence_heads",
    ("size",),
    whole("size", primary_key=True, autoincrement=False),
    text("root", nullable=False),
    instant("signed_at"),
    text("verifier_key", nullable=False),
    text("note", nullable=False),
)

metadata = rounds.metadata
"""All of these tables."""
