"""What a request may ask: instants, ranges, models, modes, limits.

Add a parameter here when several routes take it; avoid reading anything stored.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from coordinator_pipelines.api.http.context import END_OF_TIME, START_OF_TIME, Context, Ctx
from coordinator_pipelines.api.http.problems import Refusal
from coordinator_pipelines.domain.doors.ledger import Mode

DEFAULT_SPAN = timedelta(days=7)
MOST_MODELS = 1000


def _bounded(instant: datetime) -> datetime:
    """In UTC, and within the years that a database can hold."""
    naive, offset = instant.replace(tzinfo=None), instant.utcoffset() or timedelta()
    limits = [limit.replace(tzinfo=None) + offset for limit in (START_OF_TIME, END_OF_TIME)]
    if naive <= limits[0]:
        return START_OF_TIME
    return END_OF_TIME if naive >= limits[1] else instant.astimezone(UTC)


EXAMPLE_INSTANT = "2026-10-25T03:09:28.959Z"
_WITH_ZONE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)", re.ASCII
)


def _with_zone(value: Any) -> Any:
    """A date, a time and a zone; a number says nothing of its unit or its zone."""
    if isinstance(value, str) and not _WITH_ZONE.fullmatch(value):
        raise ValueError(f"write an instant with its zone, such as {EXAMPLE_INSTANT}")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_with_zone), AfterValidator(_bounded)]


def _mode(
    context: Ctx,
    mode: Annotated[
        Mode | None,
        Query(description="`live` if the challenge has live models, else `replay`"),
    ] = None,
) -> Mode:
    return context.mode(mode)


AskedMode = Annotated[Mode, Depends(_mode)]


@dataclass(frozen=True, slots=True)
class Span:
    """The range that is asked for, both ends aware."""

    start: datetime
    end: datetime


def _span(
    context: Ctx,
    mode: AskedMode,
    start: Annotated[
        Instant | None,
        Query(description="With a zone; 7 days before `end`", examples=[EXAMPLE_INSTANT]),
    ] = None,
    end: Annotated[
        Instant | None,
        Query(
            description="With a zone; now, or the newest board of a replay",
            examples=[EXAMPLE_INSTANT],
        ),
    ] = None,
) -> Span:
    last = context.latest(mode) if end is None else end
    first = max(last - DEFAULT_SPAN, START_OF_TIME) if start is None else start
    if first > last:
        raise Refusal(422, f"start ({first.isoformat()}) is after end ({last.isoformat()})")
    return Span(first, last)


AskedSpan = Annotated[Span, Depends(_span)]


def _project_ids(
    project_ids: Annotated[
        list[str] | None,
        Query(
            alias="projectIds",
            description="Ids of models, repeated or separated by commas; all if left out",
            examples=[["momentum,constant-half"]],
        ),
    ] = None,
) -> tuple[str, ...] | None:
    parts = [part.strip() for value in project_ids or () for part in value.split(",")]
    ids = tuple(dict.fromkeys(part for part in parts if part))
    if len(ids) > MOST_MODELS:
        raise Refusal(422, f"projectIds names {len(ids)} models; ask for at most {MOST_MODELS}")
    return ids or None


AskedModels = Annotated[tuple[str, ...] | None, Depends(_project_ids)]


def known_models(
    context: Context, mode: Mode, asked: Sequence[str] | None, *, ensembles: bool = False
) -> tuple[list[str], list[str] | None]:
    """All models of the mode; and of those asked for, the ones that exist (None for all).

    ``ensembles``: the challenge's ensembles are among them.
    """
    models = sorted(set(context.reports.memberships(mode)["model_id"]))
    if ensembles and models:
        models += [each.model_id for each in context.challenge.ensembles]
    if asked is None:
        return models, None
    chosen = sorted(set(models).intersection(asked))
    return chosen, chosen


WithEnsembles = Annotated[
    bool, Query(alias="include_ensembles", description="Also the challenge's ensembles")
]
Limit = Annotated[int, Query(ge=1, le=10_000, description="Most rows in one answer")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Rows left out at the beginning")]
