"""What has become of a season: its state, and what is closed by it.

Add a step here; avoid when it may be taken (``revision.season_desk``). A state is never stored: it
is what the events of a season, read in order, come to. What is closed depends on events alone, so
that no change of the spec opens it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd

from coordinator_pipelines.domain.values.errors import SeasonError

MOST_NAMED = 3


class State(StrEnum):
    """Whether the boards and payouts of a season may change."""

    OPEN = "OPEN"
    FROZEN = "FROZEN"  # nothing changes, unless the operator opens it again
    FINAL = "FINAL"  # nothing ever changes


class Step(StrEnum):
    """What an operator does with a season."""

    FROZEN = "FROZEN"
    REOPENED = "REOPENED"
    FINALIZED = "FINALIZED"


AFTER = {Step.FROZEN: State.OPEN, Step.REOPENED: State.FROZEN, Step.FINALIZED: State.FROZEN}
"""Step -> the state in which it may be taken."""
LEADS_TO = {Step.FROZEN: State.FROZEN, Step.REOPENED: State.OPEN, Step.FINALIZED: State.FINAL}
"""Step -> the state that it leads to."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A season whose boards and payouts do not change: those as of (starts_at, ends_at]."""

    name: str
    starts_at: datetime
    ends_at: datetime
    state: State

    def __contains__(self, as_of: datetime) -> bool:
        return self.starts_at < as_of <= self.ends_at

    @property
    def told(self) -> str:
        """What is said of it wherever something is not written."""
        return f"the season {self.name} is {self.state.value}"

    @property
    def way_out(self) -> str:
        """What an operator can do about it."""
        if self.state is State.FINAL:
            return "what is final never changes"
        return f"`coordinator season reopen {self.name}` opens it again"


def state_after(kinds: Sequence[str]) -> State:
    """The state that steps lead to, one after the other."""
    return LEADS_TO[Step(kinds[-1])] if len(kinds) else State.OPEN


def closed_seasons(events: pd.DataFrame) -> list[Closed]:
    """The seasons that are closed, as they were when they were (SEASON_EVENT_COLUMNS, in order)."""
    last = events.drop_duplicates("season", keep="last")
    return [
        Closed(
            row["season"], row["starts_at"].to_pydatetime(), row["ends_at"].to_pydatetime(), state
        )
        for row in last.to_dict("records")
        if (state := state_after([row["kind"]])) is not State.OPEN
    ]


def closed_at(seasons: Sequence[Closed], as_of: datetime) -> Closed | None:
    """The closed season that an instant lies in."""
    return next((season for season in seasons if as_of in season), None)


def is_closed(seasons: Sequence[Closed], as_of: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
    """Whether each instant lies in a closed season."""
    found = pd.Series(False, as_of.index, dtype=bool)
    for season in seasons:
        found |= (as_of > season.starts_at) & (as_of <= season.ends_at)
    return found


def require_open(seasons: Sequence[Closed], rounds: pd.DataFrame) -> None:
    """Nothing, if no round first counts in a closed season.

    ``rounds``: ``prediction_config_id, performed_at, resolvable_at``.

    Raises:
        SeasonError: one does; the text names rounds and season.
    """
    for season in seasons:
        own = rounds[is_closed([season], rounds["resolvable_at"])]
        if own.empty:
            continue
        named = [
            f"{row['prediction_config_id']} of {row['performed_at']:%Y-%m-%d %H:%M:%S} UTC"
            for row in own.head(MOST_NAMED).to_dict("records")
        ]
        more = f" and {len(own) - MOST_NAMED} more" if len(own) > MOST_NAMED else ""
        raise SeasonError(
            f"{season.told}, and with it the rounds {', '.join(named)}{more}; {season.way_out}"
        )
