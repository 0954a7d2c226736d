"""The two ways in which instants are told.

Add a way of writing an instant here; avoid reading them (``parameters``).

The existing web front end draws a point only if its time is UTC *without* a zone suffix, so rows
of charts carry ``ChartTime``. Everything else carries ``ZonedTime``.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import pandas as pd
from pydantic import AwareDatetime, Field, PlainSerializer, WithJsonSchema

CHART_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$"


def _without_zone(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat()


def _with_zone(instant: datetime) -> str:
    return _without_zone(instant) + "Z"


ChartTime = Annotated[
    AwareDatetime,
    PlainSerializer(_without_zone, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": CHART_PATTERN,
            "description": "UTC, without a zone suffix",
            "examples": ["2026-02-11T17:04:57.123456"],
        }
    ),
]
ZonedTime = Annotated[
    AwareDatetime,
    PlainSerializer(_with_zone, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
    Field(examples=["2026-02-11T17:04:57Z"]),
]


def chart_times(column: "pd.Series[Any]") -> list[str | None]:
    """A column of instants as ``ChartTime`` writes them; None for none."""
    codes, instants = pd.factorize(column)
    told = [_without_zone(instant.to_pydatetime()) for instant in instants]
    return [told[code] if code >= 0 else None for code in codes.tolist()]
