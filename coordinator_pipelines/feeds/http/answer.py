"""What a vendor answered, and how it is read: as exactly the shape that was promised, or not.

Add here what every answer has; avoid the meaning of one vendor's answers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.domain.values.json_value import path_text

T = TypeVar("T")
LONGEST_PAUSE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came, whole."""

    status: int
    headers: Mapping[str, str]
    """Names are looked up in any case."""
    content: bytes

    @property
    def server_time(self) -> datetime | None:
        """What the vendor's clock said when it answered, to the second; None if it did not."""
        return _http_date(self.headers.get("date", ""))

    def retry_after_seconds(self, default: float, now: datetime) -> float:
        """The pause that the vendor asks for, in either of its spellings, rounded up."""
        written = self.headers.get("retry-after", "").strip()
        until = _http_date(written)
        if until:
            pause = (until - (self.server_time or now)).total_seconds()
        else:
            pause = float(written) if written.isascii() and written.isdigit() else default
        return math.ceil(min(max(pause, 0), LONGEST_PAUSE.total_seconds())) + 1


def parsed(adapter: TypeAdapter[T], content: bytes, what: str) -> T:
    """JSON of exactly the adapter's shape; numbers are no texts and the other way round.

    Raises:
        FeedDataError: it is something else; the message says where, from ``what`` on.
    """
    try:
        return adapter.validate_json(content, strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        first, more = problems[0], len(problems) - 1
        others = f" (and {more} more)" if more else ""
        raise FeedDataError(
            f"{path_text([what, *first['loc']])}: {first['msg']}{others}. Nothing of the answer "
            "was used."
        ) from None


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
