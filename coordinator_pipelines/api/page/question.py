"""What a challenge asks, for people: the question, when, what counts, and how to take part.

Add here what a stranger needs in order to understand a board; avoid the board itself (``view``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.rounds.timetable import next_span
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import (
    OperatorSchedule,
    ScheduledPredictionConfig,
)

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Question:
    """What a challenge asks. ``next_round`` and ``next_board``: of a live challenge, if any."""

    title: str
    text: str | None
    rounds: tuple[str, ...]
    scored: str
    base_class: str
    join_url: str | None
    next_round: datetime | None
    next_board: datetime | None


def question(context: Context, mode: Mode, as_of: datetime | None) -> Question:
    """What is asked. ``as_of``: the instant of the newest board."""
    challenge, now = context.challenge, context.clock.now()
    live = mode is Mode.LIVE
    return Question(
        title=challenge.shown_title,
        text=challenge.question,
        rounds=tuple(_asked(config) for config in challenge.configs),
        scored=_scored(challenge),
        base_class=challenge.model_base_classname,
        join_url=challenge.join_url,
        next_round=_next_round(context, now) if live else None,
        next_board=_next_board(challenge, as_of, now) if live else None,
    )


def duration(seconds: float) -> str:
    """A length of time in the largest unit that says it exactly: ``90 seconds``, ``2 hours``."""
    for length, unit in UNITS:
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{seconds:g} seconds"


def _asked(config: ScheduledPredictionConfig) -> str:
    schedule, asset = config.schedule, config.scope_template.asset
    resolved = f"known {duration(schedule.resolve_after_seconds)} later"
    if isinstance(schedule, OperatorSchedule):
        return f"{asset}: asked when the operator opens a round, {resolved}"
    every = duration(schedule.every_seconds).removeprefix("1 ")
    return f"{asset}: asked every {every}, {resolved}"


def better_score(challenge: Challenge) -> str | None:
    """Whether a higher or a lower score is better; None where an author's own code ranks."""
    if challenge.callables.LEADERBOARD_RANKER is not None:
        return None
    return "higher" if challenge.ranking.direction == "desc" else "lower"


def _scored(challenge: Challenge) -> str:
    better = better_score(challenge)
    if better is None:
        return "The challenge ranks by a rule of its own."
    metric = challenge.metric(challenge.ranking.key)
    hours = challenge.trailing_windows_hours[metric.window]
    least = challenge.ranking.minimum_samples
    return (
        f"Each answer is scored when its outcome is known; {better} is better. Models are ranked "
        f"by their scores of the last {duration(hours * 3600)}, from {least} rounds on."
    )


def _next_round(context: Context, now: datetime) -> datetime | None:
    span = next_span(context.challenge, now, context.reports.pauses())
    return span.start if span else None


def _next_board(challenge: Challenge, as_of: datetime | None, now: datetime) -> datetime | None:
    if as_of is None:
        return None
    return max(as_of + timedelta(seconds=challenge.refresh_seconds), now)
