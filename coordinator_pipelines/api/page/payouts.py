"""The payouts that the pages show: of each period, and of one model over time.

Add here what is told of a payout to people; avoid what programs are told (``api.payout``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from coordinator_pipelines.api.http.answers import Sieve
from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.payout import RewardRow, documents, reward_rows
from coordinator_pipelines.domain.checkpoint.state import State
from coordinator_pipelines.domain.doors.ledger import Mode

SHOWN = 12
"""Newest periods on a page."""


@dataclass(frozen=True, slots=True)
class PeriodPayout:
    """One period: who was paid, and how far that is."""

    checkpoint_id: str
    start: datetime
    end: datetime
    status: str
    paid: list[RewardRow]
    unpaid: list[RewardRow]


def payouts(context: Context, mode: Mode) -> list[PeriodPayout]:
    """The newest periods, the newest first."""
    rows = _rewards(context, mode, None)
    told = []
    for name, own in groupby(rows, key=lambda row: row.checkpoint_id):
        listed = list(own)
        first = listed[0]
        told.append(
            PeriodPayout(
                name,
                first.period_start,
                first.period_end,
                _status(mode, first.status),
                [row for row in listed if row.unpaid_reason is None],
                [row for row in listed if row.unpaid_reason is not None],
            )
        )
    return told[::-1]


def payouts_of(context: Context, mode: Mode, model_id: str) -> list[tuple[RewardRow, str]]:
    """What one model got of each of the newest periods, and how far that is; newest first."""
    rows = _rewards(context, mode, [model_id])
    return [(row, _status(mode, row.status)) for row in rows][::-1]


def _rewards(context: Context, mode: Mode, models: Sequence[str] | None) -> list[RewardRow]:
    heads = context.reports.checkpoint_heads(mode, newest=SHOWN)
    return reward_rows(Sieve(context, "checkpoints"), documents(context, mode, heads), models)


def _status(mode: Mode, status: State) -> str:
    """The state of a payout in words."""
    if mode is Mode.REPLAY:
        return "a dry run: nobody is paid for a replay"
    return {
        State.PENDING: "computed, not submitted yet",
        State.SUBMITTED: "submitted",
        State.CLAIMABLE: "can be claimed",
        State.PAID: "paid",
    }[status]
