"""Seasons, told row by row, and which board stands for one.

Add here what is told of a season; avoid finding boards (``routes.leaderboard``).
"""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from coordinator_pipelines.api.http.answers import Answer
from coordinator_pipelines.api.http.context import END_OF_TIME, Context
from coordinator_pipelines.api.http.names import Name
from coordinator_pipelines.api.http.problems import Refusal
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.domain.season.season import Season, seasons_of
from coordinator_pipelines.domain.season.state import State

AskedSeason = Annotated[
    str | None,
    Query(max_length=80, description="The last board of that season; not with `as_of`"),
]


class SeasonRow(Answer):
    """A season. Its boards are those after `starts_at` and until `ends_at`."""

    name: str
    starts_at: ZonedTime
    ends_at: ZonedTime | None = Field(description="Null while it goes on without an end")
    state: State = Field(
        description="`OPEN`; `FROZEN`: boards and payouts stay as they are, unless it is reopened; "
        "`FINAL`: for ever"
    )
    changed_at: ZonedTime | None = Field(description="When the operator said so last")
    changed_by: Name | None
    reason: Name | None = Field(description="Why")


def seasons_told(context: Context) -> list[Season]:
    """All seasons, by their start."""
    return seasons_of(context.challenge, context.reports.season_events())


def season_row(season: Season) -> SeasonRow:
    """A season as it is told."""
    return SeasonRow(
        name=season.name,
        starts_at=season.starts_at,
        ends_at=season.ends_at,
        state=season.state,
        changed_at=season.at,
        changed_by=season.actor,
        reason=season.reason,
    )


def asked_season(context: Context, name: str | None, as_of: datetime | None) -> Season | None:
    """The season that was asked for, if one was.

    Raises:
        Refusal: there is no such season, or an instant was asked for as well.
    """
    if name is None:
        return None
    if as_of is not None:
        raise Refusal(422, "season and as_of both say which board; give one of them")
    found = next((each for each in seasons_told(context) if each.name == name), None)
    if found is None:
        raise Refusal(404, f"there is no season {name[:80]!r}; /reports/seasons has them all")
    return found


def last_instant(season: Season | None, as_of: datetime | None) -> datetime | None:
    """As of when a board is looked for."""
    return as_of if season is None else season.ends_at or END_OF_TIME
