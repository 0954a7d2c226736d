"""``/reports/feeds``: what market data there is, and the newest of it.

Add here what is told of a feed; avoid asking vendors: only what is stored is told.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, JsonValue

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Answer, Sieve, answered, records
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.http.times import ZonedTime

routes = APIRouter(tags=["feeds"])

COUNT_DAYS = 7
Kind = Literal["candle", "price"]


class FeedRow(Answer):
    """One subject of the challenge's feed."""

    source: str
    subject: str
    kind: Kind
    granularity: str = Field(examples=["1m"])
    record_count: int = Field(description=f"Records of the last {COUNT_DAYS} days that it has")
    counted_since: ZonedTime
    oldest_ts: ZonedTime
    newest_ts: ZonedTime
    watermark_ts: ZonedTime
    watermark_updated_at: ZonedTime


class FeedRecordRow(Answer):
    """One record."""

    source: str
    subject: str
    kind: Kind
    granularity: str
    ts_event: ZonedTime = Field(description="The end of the bar")
    ts_ingested: ZonedTime = Field(description="When it could first be seen")
    values: dict[str, float | None]
    meta: dict[str, JsonValue]


@routes.get(
    "/reports/feeds", response_model=list[FeedRow], responses=documented(), dependencies=[PUBLIC]
)
def feeds(request: Request, context: Ctx) -> Response:
    """What there is of each subject; empty before the first record."""
    extents = context.reports.feed_extents(context.challenge.feed.symbols, count_days=COUNT_DAYS)
    sieve = Sieve(context, "feed_records")
    named = _named(context)
    told = sieve.rows(records(extents), lambda extent: _feed_row(named, extent))
    return answered(request, told, skipped=sieve.skipped)


@routes.get(
    "/reports/feeds/tail",
    response_model=list[FeedRecordRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def feed_tail(
    request: Request,
    context: Ctx,
    source: str | None = None,
    subject: str | None = None,
    kind: str | None = None,
    granularity: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """The newest records, newest first, of the subjects that fit what is asked for."""
    named = _named(context)
    asked = {"source": source, "kind": kind, "granularity": granularity}
    fits = all(value in (None, named[name]) for name, value in asked.items())
    symbols = [one for one in context.challenge.feed.symbols if subject in (None, one)]
    if not fits or not symbols:
        return answered(request, [])
    sieve = Sieve(context, "feed_records")
    tail = records(context.reports.feed_tail(symbols, limit))
    told = sieve.rows(tail, lambda record: _record_row(named, record))
    return answered(request, told, skipped=sieve.skipped)


def granularity_text(seconds: int) -> str:
    """A duration as feeds name it.

    >>> granularity_text(60), granularity_text(90), granularity_text(86400)
    ('1m', '90s', '1d')
    """
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _named(context: Context) -> dict[str, Any]:
    feed = context.challenge.feed
    return {
        "source": feed.provider,
        "kind": "price" if feed.provider == "pyth" else "candle",
        "granularity": granularity_text(feed.granularity_seconds),
    }


def _feed_row(named: dict[str, Any], extent: dict[str, Any]) -> FeedRow:
    return FeedRow(
        **named,
        subject=extent["subject"],
        record_count=extent["record_count"],
        counted_since=extent["counted_since"],
        oldest_ts=extent["oldest"],
        newest_ts=extent["newest"],
        watermark_ts=extent["newest"],
        watermark_updated_at=extent["newest_created_at"],
    )


def _record_row(named: dict[str, Any], record: dict[str, Any]) -> FeedRecordRow:
    prices = ("open", "high", "low", "close", "volume")
    return FeedRecordRow(
        **named,
        subject=record["subject"],
        ts_event=record["ended_at"],
        ts_ingested=record["observed_at"],
        values={name: record[name] for name in prices if record[name] is not None},
        meta={"version": record["version"], "told_by": record["source"]},
    )
