"""Rounds that an operator opened: which of a window there are, and who must ask which when.

Add here what an opened round means to the stages; avoid opening and resolving one
(``desk``). A challenge with a schedule has none: :func:`timeline` gives its grid.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.rounds.timetable import (
    LEAD,
    Due,
    instants,
    is_alive,
    resting_until,
    unpaused,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND
from coordinator_pipelines.domain.timeline.window import Window


def timeline(challenge: Challenge, ledger: Ledger, window: Window) -> pd.DataFrame:
    """Every round of the window, in the order of asking, as ``prediction_batch.grid``.

    Opened rounds have the further columns ``closes_at`` and ``ask_until``.
    """
    if not challenge.is_operated:
        return grid(challenge, window)
    return opened_grid(challenge, ledger.opened_rounds(window.start, window.end))


def opened_grid(challenge: Challenge, opened: pd.DataFrame) -> pd.DataFrame:
    """Opened rounds (OPENED_ROUND_COLUMNS) of active configs as a grid, in the order of asking.

    ``ask_until``: the last instant at which the slowest model still answers before the closing.
    """
    configs = {config.id: config for config in challenge.configs}
    own = opened[opened["prediction_config_id"].isin(list(configs))]
    config = own["prediction_config_id"]
    horizons = config.map({name: each.cadence.horizon for name, each in configs.items()})
    timeout = timedelta(seconds=challenge.limits.call_timeout_seconds)
    rounds = own.assign(
        scope_key=config.map({name: each.scope_key for name, each in configs.items()}),
        resolvable_at=own["performed_at"] + horizons.astype("timedelta64[us]"),
        ask_until=own["closes_at"] - timeout,
        order=config.map({name: order for order, name in enumerate(configs)}),
    )
    rounds = rounds.sort_values(["performed_at", "order"], ignore_index=True)
    first = ["prediction_config_id", "scope_key", "performed_at", "resolvable_at"]
    further = ["closes_at", "ask_until", *(["features_json"] if "features_json" in rounds else [])]
    return rounds[[*first, *further]]


def due_instants(challenge: Challenge, ledger: Ledger, span: Window) -> Iterator[Due]:
    """The instants of a span, in order; opened rounds with their tables, by their closing.

    An opened round that is stored has been asked, so a capture that is tried again leaves it out.
    """
    if not challenge.is_operated:
        yield from instants(challenge, span)
        return
    opened = ledger.opened_rounds(span.start, span.end, features=True)
    stored = pd.MultiIndex.from_frame(ledger.rounds(Mode.LIVE, span.start, span.end)[ROUND])
    opened = opened[~pd.MultiIndex.from_frame(opened[ROUND]).isin(stored)]
    for _, rounds in opened_grid(challenge, opened).groupby(["performed_at", "ask_until"]):
        at, until = (rounds[name].iloc[0].to_pydatetime() for name in ("performed_at", "ask_until"))
        yield Due(at, rounds.reset_index(drop=True), until)


def waiting(challenge: Challenge, ledger: Ledger, now: datetime) -> pd.DataFrame:
    """The opened rounds that nobody has asked, and that can be asked now or later."""
    rounds = unpaused(opened_grid(challenge, ledger.unclosed_rounds(now)), ledger.pauses())
    return rounds[rounds["ask_until"] >= now].reset_index(drop=True)


def wanted_opened(
    challenge: Challenge, ledger: Ledger, newest: pd.DataFrame, now: datetime
) -> Window | None:
    """The span for which a capture should be started now: the second of one opening, or none.

    ``newest``: of ``Operation.newest_capture``.
    """
    rounds = waiting(challenge, ledger, now)
    if rounds.empty or now < resting_until(newest):
        return None
    first = rounds["performed_at"].iloc[0].to_pydatetime()
    if first - now > LEAD:
        return None
    span = Window(first, first + SECOND)
    at_work = is_alive(newest, now) and newest["span_start"].item() == pd.Timestamp(span.start)
    return None if at_work else span
