"""Whether a live challenge is alive: its newest record, round, truth and board against the clock.

Add a sign here when its absence must alarm somebody; avoid how it is shown. A sign depends on
what is newest, never on how much history there is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, RoundStatus
from coordinator_pipelines.domain.ground_truth.resolution import patience, provable_until
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.rounds.timetable import live_grid, unpaused
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

IN_FLIGHT = timedelta(seconds=15)
"""A round may take so long from its instant to its commit without anybody worrying."""
OPENED_SINCE = timedelta(hours=24)
START_UP = timedelta(seconds=120)
"""A capture of an opened round is at work by then, even if the first attempt failed."""


@dataclass(frozen=True, slots=True)
class VitalSign:
    """One thing that must move on while a challenge is live."""

    name: str
    asset: str
    """The asset that it is a check of."""
    problem: str | None
    """What is wrong, for an operator; None if nothing is."""
    newest: datetime | None
    """The instant of the newest record, round, outcome or board."""


CHECKS = {
    "feed_is_alive": ("feed_records", "The newest record is no older than two intervals."),
    "rounds_are_captured": ("prediction_batch", "The last two rounds that were due were asked."),
    "outcomes_follow": ("ground_truth", "No round waits for its outcome or scores for long."),
    "board_is_current": ("leaderboard", "The newest board is no older than two refreshes."),
}
"""Name of the sign -> its asset, and what it says."""


def vital_signs(challenge: Challenge, ledger: Ledger, now: datetime) -> list[VitalSign]:
    """All signs, in the order of the pipeline. Nothing is wrong with what was never live."""
    live_since = ledger.first_captured_at()
    live_for = now - live_since if live_since else timedelta(0)
    due = _recently_due(challenge, ledger, now)
    due = due[due >= pd.Timestamp(live_since or now)]
    signs = {
        "feed_is_alive": _feed(challenge, ledger, now),
        "rounds_are_captured": _rounds(ledger, due),
        "outcomes_follow": _outcomes(challenge, ledger, now),
        "board_is_current": _board(challenge, ledger, min(now, challenge.end or now)),
    }
    asked_for = {"feed_is_alive": bool(len(due))}
    return [
        VitalSign(
            name,
            CHECKS[name][0],
            problem if live_for > patience and asked_for.get(name, True) else None,
            newest,
        )
        for name, (problem, newest, patience) in signs.items()
    ]


def _recently_due(challenge: Challenge, ledger: Ledger, now: datetime) -> pd.DatetimeIndex:
    """The live instants of the last two intervals of the slowest config.

    Of opened rounds the last one of a day, if it should have been asked by now.
    """
    if challenge.is_operated:
        span = Window(now - OPENED_SINCE, now - START_UP)
        opened = unpaused(timeline(challenge, ledger, span), ledger.pauses())
        return pd.DatetimeIndex(opened["performed_at"].tail(1))
    reach = max(timedelta(seconds=c.interval_seconds or 0) for c in challenge.configs)
    until = now - IN_FLIGHT
    due = live_grid(challenge, Window(until - 2 * reach, until), ledger.pauses())
    return pd.DatetimeIndex(due["performed_at"].unique())


def _interval(challenge: Challenge) -> timedelta:
    return timedelta(seconds=min(c.interval_seconds or 0 for c in challenge.configs))


Sign = tuple[str | None, datetime | None, timedelta]
"""What is wrong, the newest instant, and how long a new challenge may have nothing to show."""


def _feed(challenge: Challenge, ledger: Ledger, now: datetime) -> Sign:
    feed = challenge.feed
    newest = ledger.newest_record(feed.symbols).set_index("subject")["ended_at"]
    bar = timedelta(seconds=feed.granularity_seconds)
    delay = timedelta(seconds=feed.publication_delay_seconds)
    limit = 2 * max(bar, _interval(challenge)) + delay
    problems = [f"no record of {symbol}" for symbol in feed.symbols if symbol not in newest]
    problems += [
        f"the newest record of {symbol} ended {_age(now - ended)} ago, the limit is {_age(limit)}"
        for symbol, ended in newest.items()
        if now - ended > limit
    ]
    oldest = newest.min().to_pydatetime() if len(newest) else None
    return "; ".join(problems) or None, oldest, limit


def _rounds(ledger: Ledger, due: pd.DatetimeIndex) -> Sign:
    newest = ledger.newest_round(Mode.LIVE, RoundStatus.ASKED)
    unseen = due if newest is None else due[due > pd.Timestamp(newest)]
    if len(unseen) < max(1, min(2, len(due))):
        return None, newest, IN_FLIGHT
    since = "ever" if newest is None else f"since {newest:%Y-%m-%d %H:%M:%S} UTC"
    return f"no round was asked {since}, though at least {len(unseen)} were due", newest, IN_FLIGHT


def _outcomes(challenge: Challenge, ledger: Ledger, now: datetime) -> Sign:
    limit, newest = patience(challenge), ledger.newest_truth()
    late = ledger.due_rounds(provable_until(challenge, now - limit))
    if late is None:
        return None, newest, limit
    waiting = f"{late.rounds} rounds since {late.first:%Y-%m-%d %H:%M:%S} UTC"
    return f"{waiting} wait for their outcome or scores", newest, limit


def _board(challenge: Challenge, ledger: Ledger, now: datetime) -> Sign:
    newest = ledger.newest_scored(Mode.LIVE, challenge.start, now)
    limit = patience(challenge)
    if newest is None:
        return "there is no board yet", None, limit
    if now - newest <= limit:
        return None, newest, limit
    problem = f"the newest board is {_age(now - newest)} old, the limit is {_age(limit)}"
    return problem, newest, limit


def _age(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"
