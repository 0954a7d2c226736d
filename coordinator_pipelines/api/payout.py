"""Stored checkpoints, told as the successor's front ends read them.

Add here what a row of a payout says; avoid finding checkpoints (``routes.checkpoints``).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from pydantic import Field, JsonValue

from coordinator_pipelines.api.http.answers import Answer, Sieve, records
from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.http.names import Name
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.stored import json_entries, json_object, sound
from coordinator_pipelines.domain.checkpoint.formats import PERCENT
from coordinator_pipelines.domain.checkpoint.state import (
    Progress,
    State,
    Step,
    progress_by_checkpoint,
)
from coordinator_pipelines.domain.doors.ledger import Mode

BILLIONTHS = "In billionths: 1,000,000,000 is 100 %"


class CheckpointRow(Answer):
    """One version of a period's checkpoint, and what has become of it."""

    id: str
    mode: Mode
    period_start: ZonedTime
    period_end: ZonedTime
    as_of: ZonedTime = Field(description="The instant of its last board")
    version: int
    status: State
    approved: bool
    superseded: bool = Field(description="Whether the period has a newer version")
    dry_run: bool = Field(description="Replayed: nobody is paid for it")
    tx_hash: str | None
    submitted_at: ZonedTime | None
    content_hash: str


class CheckpointPayload(CheckpointRow):
    """A checkpoint with its documents."""

    entries: list[dict[str, JsonValue]]
    meta: dict[str, JsonValue]


class RewardRow(Answer):
    """What one model got of one period."""

    checkpoint_id: str
    model_id: str
    model_name: Name
    cruncher_name: Name
    cruncher_index: int | None
    period_start: ZonedTime
    period_end: ZonedTime
    rank: int | None = Field(description="The place among payees; models that tie share it")
    reward_pct: int = Field(description=BILLIONTHS)
    reward_percent: float
    status: State
    unpaid_reason: Name | None


class StepRow(Answer):
    """One step that an operator took."""

    sequence: int
    at: ZonedTime
    kind: Step
    actor: Name
    reference: Name | None
    reason: Name | None


class PayoutExplanation(Answer):
    """From the board to the shares: what was paid on, who was paid, and why others were not."""

    checkpoint: CheckpointPayload
    steps: list[StepRow]


class IndexShare(Answer):
    """A share of an emission."""

    cruncher_index: int
    reward_pct: int = Field(description=BILLIONTHS)


class ProviderShare(Answer):
    """A provider's share of its own pool."""

    provider: str
    reward_pct: int = Field(description=BILLIONTHS)


class Emission(Answer):
    """The raw emission; each list adds up to 100 %, or is empty."""

    crunch: str
    cruncher_rewards: list[IndexShare]
    compute_provider_rewards: list[ProviderShare]
    data_provider_rewards: list[ProviderShare]


class CliEmission(Answer):
    """The emission as the command line takes it: percent."""

    crunch: str
    crunchEmission: dict[str, float] = Field(description="Model -> percent")
    computeProvider: dict[str, float]
    dataProvider: dict[str, float]


class Prize(Answer):
    """What one model gets of a prize."""

    prizeId: str
    timestamp: int = Field(description="End of the period, in Unix seconds")
    model: str
    prize: int


def documents(context: Context, mode: Mode, heads: pd.DataFrame) -> pd.DataFrame:
    """All versions of the periods of some checkpoints, with their documents."""
    ends = sorted({end.to_pydatetime() for end in heads["period_end"]})
    return context.reports.checkpoints(mode, ends)


def checkpoint_rows(context: Context, heads: pd.DataFrame) -> list[CheckpointRow]:
    """The rows of stored checkpoints (all versions of their periods), the newest first."""
    facts = _facts(context, heads)
    return [CheckpointRow(**facts[name]) for name in reversed(list(facts))]


def payload(sieve: Sieve, versions: pd.DataFrame, checkpoint_id: str) -> CheckpointPayload:
    """One checkpoint. ``versions``: CHECKPOINT_COLUMNS of all versions of its period."""
    stored = versions[versions["id"] == checkpoint_id].iloc[0]
    return CheckpointPayload(
        **_facts(sieve.context, versions)[checkpoint_id],
        entries=sieve.one(stored["entries_json"], json_entries) or [],
        meta=sieve.one(stored["meta_json"], json_object) or {},
    )


def reward_rows(
    sieve: Sieve, versions: pd.DataFrame, model_ids: Sequence[str] | None
) -> list[RewardRow]:
    """What models got, period by period: of what was paid, else of the newest version."""
    facts = _facts(sieve.context, versions)
    in_flight = {n for n, f in facts.items() if f["status"] is not State.PENDING}
    rows = []
    for _, own in versions.groupby("period_end"):
        kept = own[own["id"].isin(in_flight)]
        stored = (kept if len(kept) else own).iloc[-1]
        entries = sieve.one(stored["entries_json"], json_entries) or []
        rows += sieve.rows(entries, partial(_reward, facts[stored["id"]]))
    return [row for row in rows if model_ids is None or row.model_id in model_ids]


def step_rows(events: pd.DataFrame) -> list[StepRow]:
    """The steps of one checkpoint (CHECKPOINT_EVENT_COLUMNS), in order."""
    names = StepRow.model_fields
    return [StepRow(**{name: row[name] for name in names}) for row in records(events)]


def _reward(facts: Mapping[str, Any], entry: Any) -> RewardRow:
    sound(entry)
    return RewardRow(
        checkpoint_id=facts["id"],
        model_id=entry["model_id"],
        model_name=entry["model_name"],
        cruncher_name=entry["cruncher_name"],
        cruncher_index=entry["cruncher_index"],
        period_start=facts["period_start"],
        period_end=facts["period_end"],
        rank=entry["place"],
        reward_pct=entry["share"],
        reward_percent=entry["share"] / PERCENT,
        status=facts["status"],
        unpaid_reason=entry["unpaid"],
    )


def _facts(context: Context, heads: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Checkpoint id -> the fields of its row. ``heads``: all versions of their periods."""
    events = context.reports.checkpoint_events(list(heads["id"]))
    told = progress_by_checkpoint(events)
    submitted = events[events["kind"] == Step.SUBMITTED.value].drop_duplicates(
        "checkpoint_id", keep="last"
    )
    sent = {row["checkpoint_id"]: row for row in records(submitted)}
    newest = heads.groupby("period_end")["version"].transform("max")
    names = ("id", "mode", "period_start", "period_end", "as_of", "version", "content_hash")
    facts = {}
    for row, last in zip(records(heads), newest, strict=True):
        own = told.get(row["id"], Progress())
        moving = sent.get(row["id"]) if own.in_flight else None
        facts[row["id"]] = {name: row[name] for name in names} | {
            "status": own.state,
            "approved": own.approved,
            "superseded": row["version"] < last,
            "dry_run": row["mode"] == Mode.REPLAY.value,
            "tx_hash": moving["reference"] if moving else None,
            "submitted_at": moving["at"] if moving else None,
        }
    return facts
