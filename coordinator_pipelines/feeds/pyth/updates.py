"""What Hermes answers about prices, checked as a whole, and which update is the price at T.

Add here what concerns the content of an answer; avoid asking (``pyth``).
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.http.answer import parsed

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 60
"""An update that comes later after T says what the price was then, not at T: trading paused."""

EpochSeconds = Annotated[int, Field(ge=0)]


class _Price(BaseModel):
    price: Annotated[str, Field(pattern=r"^-?[0-9]{1,20}$")]
    expo: Annotated[int, Field(ge=-30, le=30)]
    publish_time: EpochSeconds


class _Metadata(BaseModel):
    prev_publish_time: EpochSeconds | None = None


class _Parsed(BaseModel):
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    price: _Price
    metadata: _Metadata


class _Answer(BaseModel):
    parsed: list[_Parsed]


ANSWER = TypeAdapter(_Answer)


@dataclass(frozen=True, slots=True)
class Update:
    """One price and when it was published; times in epoch seconds."""

    price: float
    publish_time: int
    previous: int | None
    """When the update before it was published: nothing was skipped in between."""

    def straddles(self, instant: int) -> bool:
        """Whether this is the first update at or after the instant."""
        return self.previous is not None and self.previous < instant <= self.publish_time

    def is_price_at(self, instant: int) -> bool:
        """Whether this is the one update that straddles the instant, and soon after it."""
        return self.straddles(instant) and self.publish_time - instant <= LONGEST_WAIT_SECONDS


def read_updates(content: bytes, ids: Collection[str]) -> Mapping[str, Update]:
    """The update of each feed id that was asked for; one whose price is none costs no other.

    Raises:
        FeedDataError: another shape, or other ids.
    """
    updates = parsed(ANSWER, content, "updates").parsed
    answered = sorted(update.id for update in updates)
    if answered != sorted(ids):
        raise FeedDataError(
            f"asked for {', '.join(sorted(ids))}, answered {', '.join(answered) or 'nothing'}. "
            "Nothing of the answer was used."
        )
    known = {update.id: _update(update) for update in updates}
    for id_ in [id_ for id_, update in known.items() if update.price <= 0]:
        unsound = known.pop(id_)
        logger.warning("pyth: the price of %s at %d is %g and counts as missing: it is not above 0",
                       id_, unsound.publish_time, unsound.price)  # fmt: skip
    return known


def _update(raw: _Parsed) -> Update:
    price = float(Decimal(raw.price.price).scaleb(raw.price.expo))
    return Update(price, raw.price.publish_time, raw.metadata.prev_publish_time)
