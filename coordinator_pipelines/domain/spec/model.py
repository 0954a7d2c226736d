"""The base of every section of a spec, and the strict value types that fields are made of.

Add a value type here when two sections need it; avoid sections themselves. Strict types take
what is written and nothing else: ``"60"``, ``true`` and ``60.5`` are no whole numbers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from coordinator_pipelines.domain.timeline.instant import as_utc

TEN_YEARS = 10 * 365 * 86400


class SpecModel(BaseModel):
    """A section of a spec: frozen, unknown fields forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field, its value (None: it is missing), and why."""

    field: str
    value: Any
    message: str


def problem(field: str, value: Any, message: str) -> PydanticCustomError:
    """A validator's error that names the field and the value it is about."""
    return refusal([Problem(field, value, message)])


def refusal(problems: Iterable[Problem]) -> PydanticCustomError:
    """A validator's error for one or more problems, explained by ``errors``."""
    return PydanticCustomError("spec", "the spec is refused", {"problems": list(problems)})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text must look like: a pattern, the words for it, and its greatest length."""

    pattern: str
    meaning: str
    longest: int

    def fits(self, text: str) -> bool:
        """Whether a text has the shape."""
        return len(text) <= self.longest and bool(re.fullmatch(self.pattern, text, re.ASCII))

    def __call__(self, text: str) -> str:
        """The text itself, if it has the shape."""
        if not self.fits(text):
            wanted = f"must be {self.meaning}, of at most {self.longest} characters"
            raise problem("", text, wanted)
        return text


def _instant(value: Any) -> datetime:
    if isinstance(value, str) and re.fullmatch(_WRITTEN_INSTANT, value, re.ASCII):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise problem("", value, f"is no instant: {error}") from None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        wanted = "must be an instant with a zone, such as 2026-11-01T00:00:00Z"
        raise problem("", value, wanted)
    if not 1970 < value.year < 2200:
        raise problem("", value, "must lie between the years 1971 and 2199")
    return as_utc(value)


def _path(value: Any) -> Any:
    written = str(value) if isinstance(value, str | PurePath) else ""
    if not written.strip() or not written.isprintable():
        raise problem("", value, "must be the path of a file")
    return value


_WRITTEN_INSTANT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)"

Seconds = Annotated[int, Field(strict=True, gt=0, le=TEN_YEARS)]
"""A duration in whole seconds, above 0, at most ten years."""
Delay = Annotated[float, Field(strict=True, ge=0, le=TEN_YEARS, allow_inf_nan=False)]
"""A duration in seconds that may be 0 and may have a fraction."""
Timeout = Annotated[float, Field(strict=True, gt=0, le=TEN_YEARS, allow_inf_nan=False)]
"""A duration in seconds, above 0, that may have a fraction."""
Count = Annotated[int, Field(strict=True, gt=0, le=10**9)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, le=1e9, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[
    str,
    AfterValidator(
        Shape(r"[A-Za-z0-9][\w.-]*", "letters, digits, '_', '.', '-', not a sign first", 80)
    ),
]
Instant = Annotated[datetime, BeforeValidator(_instant)]
"""An aware instant, kept in UTC; written with its zone."""
FilePath = Annotated[Path, BeforeValidator(_path)]
"""A path; a relative one is meant from the directory of the spec."""
