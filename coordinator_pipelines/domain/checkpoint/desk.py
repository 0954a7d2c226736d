"""What an operator does with a payout: approve, submit, tell that it is claimable or paid.

Add here when a step may be taken; avoid the states themselves (``state``) and talking to a chain
or a bank: whoever moves the money says so here, with the transaction's hash.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.state import (
    AFTER,
    Progress,
    State,
    Step,
    progress,
    progress_by_checkpoint,
)
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.payout import CHECKPOINT_EVENT_COLUMNS, Payouts
from coordinator_pipelines.domain.season.state import State as SeasonState
from coordinator_pipelines.domain.season.state import closed_at, closed_seasons
from coordinator_pipelines.domain.values.errors import CheckpointError

NEEDS_REFERENCE = (Step.SUBMITTED, Step.PAID)
NEEDS_REASON = (Step.WITHDRAWN, Step.ACKNOWLEDGED)
PAYS = (Step.APPROVED, Step.SUBMITTED)
"""Steps that lead to a payout: never for what is a dry run, superseded, or paid already."""
LONGEST = 500
Outdated = Callable[["pd.Series[Any]"], str | None]
"""Which correction a stored checkpoint does not rest on yet, and what to run; None if there is
none (``revision.pending``)."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A step that somebody wants to take."""

    step: Step
    actor: str
    reference: str | None = None
    reason: str | None = None


def require_allowed(
    ledger: Ledger, checkpoint_id: str, intent: Intent, outdated: Outdated
) -> Progress:
    """How far the payout is, if the step may be taken now.

    Raises:
        CheckpointError: there is no such checkpoint, or the step may not be taken; the text says
            why and what to do.
    """
    stored = found(ledger, checkpoint_id)
    own = progress(ledger.checkpoint_events([checkpoint_id]))
    step = intent.step
    if own.state not in AFTER[step]:
        allowed = " or ".join(state.value for state in AFTER[step])
        raise CheckpointError(
            f"{checkpoint_id} is {own.state.value}; only a checkpoint that is {allowed} can become "
            f"{step.value}"
        )
    _require_words(intent)
    if step in PAYS:
        _require_payable(ledger, stored)
    if step is Step.ACKNOWLEDGED and intent.reference not in _findings(stored):
        known = ", ".join(_findings(stored)) or "none"
        raise CheckpointError(
            f"{checkpoint_id} has no finding {intent.reference!r}; it has: {known}"
        )
    if step is Step.APPROVED:
        unread = open_findings(stored, own)
        if unread:
            raise CheckpointError(
                f"{checkpoint_id} has findings that nobody has acknowledged: "
                f"{', '.join(unread)}; `coordinator checkpoint show {checkpoint_id}` has "
                "the evidence, `acknowledge` stores your reason"
            )
    if step is Step.SUBMITTED and not own.approved:
        raise CheckpointError(
            f"{checkpoint_id} is not approved; `coordinator checkpoint approve {checkpoint_id}` "
            "comes first"
        )
    if step in PAYS:
        _require_up_to_date(stored, outdated)
    return own


def take(
    ledger: Ledger, checkpoint_id: str, intent: Intent, now: datetime, outdated: Outdated
) -> State:
    """Take a step; the state that it leads to.

    Raises:
        CheckpointError: as :func:`require_allowed`; or somebody else took a step meanwhile.
    """
    own = require_allowed(ledger, checkpoint_id, intent, outdated)
    row = (
        checkpoint_id, own.steps + 1, now, intent.step.value, intent.actor, intent.reference,
        intent.reason,
    )  # fmt: skip
    event = pd.DataFrame([row], columns=list(CHECKPOINT_EVENT_COLUMNS))
    event["at"] = pd.to_datetime(event["at"], utc=True).astype("datetime64[us, UTC]")
    if not ledger.add_checkpoint_event(event):
        raise CheckpointError(
            f"{checkpoint_id} was changed by somebody else at this moment; look at it again"
        )
    return progress(ledger.checkpoint_events([checkpoint_id])).state


def open_findings(stored: "pd.Series[Any]", own: Progress) -> list[str]:
    """Names of the findings that stop a checkpoint's payout, as nobody has acknowledged them."""
    return [finding for finding in _findings(stored) if finding not in own.acknowledged]


def found(ledger: Payouts, checkpoint_id: str) -> "pd.Series[Any]":
    """The checkpoint of an id.

    Raises:
        CheckpointError: there is none.
    """
    stored = ledger.checkpoint(checkpoint_id)
    if stored.empty:
        raise CheckpointError(
            f"there is no checkpoint {checkpoint_id!r}; `coordinator checkpoint list` has them all"
        )
    return stored.iloc[0]


def _require_words(intent: Intent) -> None:
    for field, steps in (("reference", NEEDS_REFERENCE), ("reason", NEEDS_REASON)):
        given = getattr(intent, field)
        if intent.step in steps and not (given or "").strip():
            raise CheckpointError(f"{intent.step.value} needs a {field}; give --{field}")
        if given is not None and (len(given) > LONGEST or not given.isprintable()):
            raise CheckpointError(
                f"the {field} must be printable text of at most {LONGEST} characters"
            )


def _require_payable(ledger: Ledger, stored: "pd.Series[Any]") -> None:
    """Nothing, if money may go out for this version of the period."""
    if stored["mode"] != Mode.LIVE.value:
        raise CheckpointError(
            f"{stored['id']} is replayed: a dry run of what would have been paid; nobody is paid "
            "for it"
        )
    season = closed_at(closed_seasons(ledger.season_events()), stored["as_of"].to_pydatetime())
    if season is not None and season.state is SeasonState.FINAL:
        raise CheckpointError(f"{season.told}: {stored['id']} is not paid any more")
    meta = json.loads(stored["meta_json"])
    paid = any(entry["share"] for entry in json.loads(stored["entries_json"]))
    # A period that pays nobody may still settle what an earlier one paid wrongly.
    if not paid and not (meta["treasury"] or {}).get("share") and not meta["settlements"]:
        raise CheckpointError(f"{stored['id']} pays nobody; there is nothing to approve")
    versions = ledger.checkpoints(stored["mode"], [stored["period_end"].to_pydatetime()])
    if versions["version"].iloc[-1] != stored["version"]:
        raise CheckpointError(
            f"{stored['id']} is superseded by {versions['id'].iloc[-1]}, computed from a newer "
            "board"
        )
    told = progress_by_checkpoint(ledger.checkpoint_events(list(versions["id"])))
    for name, own in told.items():
        if name != stored["id"] and own.in_flight:
            then = "the difference is settled in the next period"
            if own.state is not State.PAID:
                then = f"`coordinator checkpoint withdraw {name}` if that did not go through"
            raise CheckpointError(
                f"the period is {own.state.value} by {name}, and nobody is paid twice; {then}"
            )


def _require_up_to_date(stored: "pd.Series[Any]", outdated: Outdated) -> None:
    """Nothing, if no correction is on its way into what is paid on."""
    told = outdated(stored)
    if told is not None:
        raise CheckpointError(f"{stored['id']} waits for a revision: {told}")


def _findings(stored: "pd.Series[Any]") -> list[str]:
    """Names of the findings that stop a payout until they are acknowledged."""
    findings = json.loads(stored["meta_json"])["findings"]
    return [finding["name"] for finding in findings if finding["blocking"]]
