"""What Binance answers about candles: as a whole what was promised, or refused.

Add here what concerns the content of an answer; avoid asking (``binance``) and what a good
candle is (``candles.checks``).
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, Field, TypeAdapter

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS
from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.checks import YEAR_2100, told_apart
from coordinator_pipelines.feeds.candles.step import RUN, in_coarser_run
from coordinator_pipelines.feeds.candles.table import CandleTable
from coordinator_pipelines.feeds.http.answer import parsed

Milliseconds = Annotated[int, Field(ge=0, lt=YEAR_2100 * 1000)]
Kline = tuple[
    Milliseconds, str, str, str, str, str, Milliseconds, str, int, str, str, str
]  # fmt: skip
"""Open time, open, high, low, close, volume, close time, and five that are not used."""
KLINES: TypeAdapter[list[Kline]] = TypeAdapter(list[Kline])


class Refusal(BaseModel):
    """What Binance says of a request that it does not take."""

    code: int
    msg: str


REFUSAL = TypeAdapter(Refusal)


def read_klines(
    content: bytes, subject: str, granularity_seconds: int, earliest: int, latest: int
) -> pd.DataFrame:
    """A subject's candles that open between ``earliest`` and ``latest`` (epoch seconds, included).

    Columns: ``ts`` (open time, epoch seconds, ascending), ``open, high, low, close, volume`` and
    ``sound``: a candle that is impossible, or whose prices are none, costs no other.

    Raises:
        FeedDataError: one row is no candle that was asked for, or not in order; the message names
            it, counted from 1.
    """
    rows = parsed(KLINES, content, "klines")
    opened, closed = (_times(rows, place) for place in (0, 6))
    length = granularity_seconds * 1000
    _refuse(
        rows,
        (opened % length != 0) | (closed - opened != length - 1),
        f"is no bar of {granularity_seconds} s",
    )
    _refuse(rows, (opened < earliest * 1000) | (opened > latest * 1000), "was not asked for")
    _refuse(rows, np.diff(opened, prepend=-1) <= 0, "is not after the row before")
    _refuse(
        rows,
        in_coarser_run(opened / 1000, granularity_seconds),
        f"is one of {RUN} or more in a row that are equally far apart, but not "
        f"{granularity_seconds} s: these are candles of another interval",
    )
    columns = {name: [row[place] for row in rows] for place, name in enumerate(PRICE_COLUMNS, 1)}
    table = CandleTable(
        pd.DataFrame({"ts": opened // 1000, **columns}), opened // 1000, "the one that opens at"
    )
    return told_apart(table, granularity_seconds, f"binance, candles of {subject}")


def _times(rows: Sequence[Kline], place: Literal[0, 6]) -> npt.NDArray[np.int64]:
    return np.array([row[place] for row in rows], dtype=np.int64)


def _refuse(rows: Sequence[Kline], broken: npt.NDArray[np.bool_], what: str) -> None:
    if broken.any():
        row = int(broken.argmax())
        raise FeedDataError(
            f"row {row + 1} of {len(rows)} (open time {rows[row][0]}, close time {rows[row][6]}) "
            f"{what}. Nothing of the answer was used."
        )
