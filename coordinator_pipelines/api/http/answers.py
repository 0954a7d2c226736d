"""Answers: rows checked one by one, a body with a tag, and "not modified" where it is not.

Add here what all answers share; avoid what any of them says. A stored row that cannot be told
as its model wants it is left out, counted and logged: one bad row never costs the others.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

import pandas as pd
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic_core import to_json

from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.stored import json_value

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=BaseModel)
SKIPPED, WARNING = "X-Skipped-Rows", "X-Warning"
MALFORMED = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError,
)  # fmt: skip
"""What reading a document of another shape than expected raises."""


class Answer(BaseModel):
    """Base of everything that is told: nothing but the fields declared."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)


@dataclass
class Sieve:
    """Keeps what can be told; counts the rest."""

    context: Context
    what: str
    skipped: int = field(default=0, init=False)
    _first: str = field(default="", init=False)

    def rows(self, stored: Iterable[Any], build: Callable[[Any], Row]) -> list[Row]:
        """What ``build`` makes of each stored row that it can make something of."""
        built = (self._built(row, build) for row in stored)
        kept = [row for row in built if row is not None]
        self.report()
        return kept

    def one(self, stored: Any, read: Callable[[Any], Any]) -> Any | None:
        """What ``read`` makes of one stored document; None if it is malformed."""
        try:
            return read(stored)
        except MALFORMED as error:
            self._skip(error)
            return None

    def texts(self, column: "pd.Series[Any]") -> "pd.Series[Any]":
        """A column of JSON texts, without those that are malformed."""
        return column.map(lambda text: None if self.one(text, json_value) is None else text)

    def without(self, frame: pd.DataFrame, malformed: "pd.Series[bool]", why: str) -> pd.DataFrame:
        """The rows of a frame but for those that cannot be told, which are counted."""
        if malformed.any():
            self.skipped += int(malformed.sum())
            self._first = self._first or why
        return frame[~malformed]

    def report(self) -> None:
        """Count and log what was skipped, once everything was looked at."""
        if self.skipped:
            self.context.note(self.what, self.skipped)
            logger.warning(
                "%d malformed rows of %s were skipped; the first: %s",
                self.skipped, self.what, self._first,
            )  # fmt: skip

    def _built(self, row: Any, build: Callable[[Any], Row]) -> Row | None:
        try:
            return build(row)
        except MALFORMED as error:
            self._skip(error)
            return None

    def _skip(self, error: Exception) -> None:
        self.skipped += 1
        self._first = self._first or f"{type(error).__name__}: {error}"[:300]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries; what is missing is None, instants are datetimes."""
    return rows_of({name: plain(frame[name]) for name in frame.columns})


def rows_of(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """A dictionary per row, from columns of one length."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain(column: "pd.Series[Any]") -> list[Any]:
    """A column as plain values; what is missing is None, instants are datetimes."""
    missing = column.isna()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        pairs = zip(column, missing, strict=True)
        return [None if gone else instant.to_pydatetime() for instant, gone in pairs]
    return [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]


def answered(
    request: Request,
    told: BaseModel | Sequence[BaseModel],
    *,
    skipped: int = 0,
    modified: datetime | None = None,
    only_set: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON answer, or 304 if the caller has it already.

    ``told``: a model or a list of such. ``modified``: when what it tells was written.
    ``only_set``: leave out the fields that nobody set.
    """
    body = as_json(told, only_set=only_set)
    return answered_with(request, body, skipped=skipped, modified=modified, headers=headers)


def answered_with(
    request: Request,
    body: bytes,
    *,
    skipped: int = 0,
    modified: datetime | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Like :func:`answered`, of JSON that is written already."""
    more = dict(headers or {}) | ({SKIPPED: str(skipped)} if skipped else {})
    return tagged(request, body, "application/json", modified, more)


def as_json(
    told: BaseModel | Sequence[BaseModel] | list[dict[str, Any]], *, only_set: bool = False
) -> bytes:
    """A model, a list of such, or of the plain values that one would write, as JSON."""
    if isinstance(told, BaseModel):
        return told.model_dump_json(exclude_unset=only_set).encode()
    if not told or isinstance(told[0], dict):
        return to_json(told)
    return _adapter(type(told[0])).dump_json(list(told), exclude_unset=only_set)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(list[kind])


def next_page(request: Request, **pinned: Any) -> dict[str, str]:
    """The header that names the next page: the same request, with all that it stands on pinned.

    ``pinned``: parameters by name. What the request left to its defaults may mean something else
    by the time the next page is asked for.
    """
    told = {name: _parameter(value) for name, value in pinned.items()}
    page = request.url.include_query_params(**told)
    return {"Link": f'<{page.path}?{page.query}>; rel="next"'}


def _parameter(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def tagged(
    request: Request,
    body: bytes,
    media_type: str,
    modified: datetime | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A body with its tag, or 304 if the caller has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    own = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "X-API-Key, Authorization"}
    if modified is not None:
        own["Last-Modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    own |= headers or {}
    if _has_it(request, tag, modified):
        return Response(status_code=304, headers=own)
    return Response(body, media_type=media_type, headers=own)


def _has_it(request: Request, tag: str, modified: datetime | None) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = {one.strip().removeprefix("W/") for one in tags.split(",")}
        return tag in known or "*" in known
    since = _since(request.headers.get("if-modified-since"))
    return since is not None and modified is not None and modified.replace(microsecond=0) <= since


def _since(text: str | None) -> datetime | None:
    try:
        since = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return since if since is None or since.tzinfo else since.replace(tzinfo=UTC)
