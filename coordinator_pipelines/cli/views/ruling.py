"""What a ruling on rounds touches, in the terminal.

Add here what an operator should know before; avoid deciding what may be ruled (``rounds.void``).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.checkpoint.state import Progress, progress_by_checkpoint
from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of

MINUTES = "%Y-%m-%d %H:%M"


def told_ruling(
    challenge: Challenge, ledger: Ledger, rounds: pd.DataFrame, now: datetime
) -> list[str]:
    """A line for each thing that follows from a ruling on rounds (``rounds_meant``)."""
    return [] if rounds.empty else list(_lines(challenge, ledger, rounds, now))


def _lines(
    challenge: Challenge, ledger: Ledger, rounds: pd.DataFrame, now: datetime
) -> Iterator[str]:
    first, last = (at.to_pydatetime() for at in rounds["performed_at"].agg(["min", "max"]))
    yield f"  {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"
    start, end = (window_of(at, challenge.window_length) for at in (first, last))
    span = Window(start.start, end.end)
    told = ledger.ground_truths(first, span.end)[ROUND].merge(rounds, on=ROUND)
    yield f"  {len(told)} of them have an outcome; the others get theirs when they are due"
    due, resolved = (rounds["resolvable_at"].agg(name).to_pydatetime() for name in ("min", "max"))
    reach = resolved + timedelta(hours=challenge.longest_window_hours)
    yield f"  boards after {due:{MINUTES}} and until {min(reach, now):{MINUTES}} UTC may change"
    yield from _checkpoints(ledger, due, reach)
    asked = [
        mode
        for mode in Mode
        if len(ledger.rounds(mode, first, span.end)[ROUND].merge(rounds, on=ROUND))
    ]
    if Mode.LIVE in asked:
        yield (
            f"  live: the sensor of `{challenge.key}_resolve` does it by itself, within "
            f"{challenge.refresh_seconds} s"
        )
    if Mode.REPLAY in asked:
        yield (
            f"  replayed: materialize ground_truth to leaderboard of the windows {span}, then "
            "`coordinator boards --refresh` for those after them"
        )


def _checkpoints(ledger: Ledger, due: datetime, reach: datetime) -> Iterator[str]:
    """The newest version of each live checkpoint that is paid on such a board, with its state."""
    heads = ledger.checkpoint_heads(Mode.LIVE.value).drop_duplicates("period_end", keep="last")
    heads = heads[(heads["as_of"] >= due) & (heads["as_of"] <= reach)]
    told = progress_by_checkpoint(ledger.checkpoint_events(list(heads["id"])))
    for name in heads["id"]:
        own = told.get(name, Progress())
        then = "a difference is settled in the next period" if own.in_flight else "a new version"
        yield f"  {name} ({own.state.value}) may change: {then}"
