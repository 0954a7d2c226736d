"""The seasons of a challenge: those of its spec, and those that were ever closed.

Add here what is told of a season; avoid its states (``state``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.season.state import State, state_after
from coordinator_pipelines.domain.spec.challenge import Challenge


@dataclass(frozen=True, slots=True)
class Season:
    """A season, as it is now. Its boards are those as of (starts_at, ends_at]."""

    name: str
    starts_at: datetime
    ends_at: datetime | None
    """None: it goes on, and the challenge has no end."""
    state: State = State.OPEN
    at: datetime | None = None
    """When that was said last, by whom and why; None: never."""
    actor: str | None = None
    reason: str | None = None
    steps: int = 0

    def __contains__(self, as_of: datetime) -> bool:
        return self.starts_at < as_of and (self.ends_at is None or as_of <= self.ends_at)


def seasons_of(challenge: Challenge, events: pd.DataFrame) -> list[Season]:
    """All seasons by their start. ``events``: SEASON_EVENT_COLUMNS, in order.

    A closed one is what it was when it was closed, whatever the spec says by now.
    """
    happened = {str(name): own for name, own in events.groupby("season", sort=False)}
    found = []
    for name, span in challenge.season_spans.items():
        found.append(_told(name, *span, happened.pop(name, events.iloc[:0])))
    for name, own in happened.items():
        gone = _told(name, *_span(own.iloc[-1]), own)
        if gone.state is not State.OPEN:
            found.append(gone)
    return sorted(found, key=lambda season: season.starts_at)


def season_at(seasons: list[Season], as_of: datetime) -> Season | None:
    """The season of a board as of an instant."""
    return next((season for season in seasons if as_of in season), None)


def _told(name: str, starts_at: datetime, ends_at: datetime | None, own: pd.DataFrame) -> Season:
    if own.empty:
        return Season(name, starts_at, ends_at)
    last = own.iloc[-1]
    state = state_after(own["kind"].tolist())
    span = (starts_at, ends_at) if state is State.OPEN else _span(last)
    at = last["at"].to_pydatetime()
    return Season(name, *span, state, at, last["actor"], last["reason"], len(own))


def _span(event: "pd.Series[Any]") -> tuple[datetime, datetime]:
    return event["starts_at"].to_pydatetime(), event["ends_at"].to_pydatetime()
