"""The two ways in which instants are told.

Add a way of writing an instant here; avoid reading them (``parameters``).

The existing web front end draws a point only if its time is UTC *without* a zone suffix, so rows
of charts carry ``ChartTime``. Everything else carries ``ZonedTime``.
"""

from datetime import UTC, datetime
from typing import Annotated

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
