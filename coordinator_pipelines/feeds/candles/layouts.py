"""The layouts in which candles are exported, as a table, and which of them a file has.

Add a layout to :data:`LAYOUTS`, in ``domain.spec.feed`` (``FILE_FORMATS``) and in docs/feeds.md;
avoid reading files (``text``, ``json_rows``, ``parquet``) and times (``times``) here.

With a header, columns are found by their names, and the layout is a name for what was recognised:
it says which units and notations of time its source writes, and in which zone. Without one, the
layout says the order of the columns; it is that order in which the candles are possible.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS
from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.problems import listed
from coordinator_pipelines.feeds.candles.table import (
    ADDRESS,
    TICKERS,
    WrittenTable,
    numbers,
    unnamed,
)
from coordinator_pipelines.feeds.candles.times import (
    NOTATIONS,
    UNITS,
    is_time_of_day,
    joined,
    notation_of,
)

EPOCHS = tuple(UNITS)
ISO, LOCAL, DOTTED, DAY_FIRST, _ = NOTATIONS
SECONDS, MILLISECONDS, MICROSECONDS, NANOSECONDS = EPOCHS
UTC = ZoneInfo("UTC")

START = (
    "open time", "opentime", "time period start", "window start", "start", "start time",
    "timeopen", "begin", "ts", "ts event", "timestamp", "unix", "unix timestamp", "unix time",
    "time", "t", "mts", "datetime", "date time", "gmt time", "utc time", "time utc", "date",
)  # fmt: skip
"""Names of the time at which a bar starts; where there are two, both must say the same."""
END = (
    "close time", "closetime", "time period end", "window end", "end", "end time", "timeclose",
    "ended at", "T",
)  # fmt: skip
NAMES: Mapping[str, Sequence[str]] = {
    "open": ("open", "o", "price open", "px open", "open price"),
    "high": ("high", "h", "price high", "px high", "high price"),
    "low": ("low", "l", "price low", "px low", "low price"),
    "close": ("close", "c", "price close", "px close", "close price"),
    "volume": (
        "volume", "vol", "v", "volume traded", "sx sum", "base volume", "volumefrom",
        "real volume", "tick volume", "tickvol",
    ),
    "symbol": ("symbol", "ticker", "pair", "instrument", "symbol id"),
}  # fmt: skip
"""Column of a candle -> what it is called, the first that is there."""
VOLUME_OF = "volume "
"""``Volume BTC`` before ``Volume USD``: sources name the base asset first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one source writes candles."""

    name: str
    source: str
    times: Sequence[str]
    """Units and notations that it writes."""
    headers: Sequence[frozenset[str]] = ()
    """Names of which all are there, in one of these sets; none: it never has a header."""
    orders: Sequence[str] = ()
    """Columns without a header, in order; ``-`` is left out."""
    header_in_order: bool = False
    """Whether a header has the names of the order, in that order."""
    marks: frozenset[str] = frozenset()
    """What stands around the table."""
    zone: ZoneInfo | None = None
    """Zone of times that say none."""
    zone_is_documented: bool = True
    """False: the source says none, so that it is assumed."""
    units_change: bool = False
    """Whether the source has changed its unit, so that a file may hold two."""


def _named(*names: str) -> frozenset[str]:
    return frozenset(names)


LAYOUTS = (
    Layout(
        "binance-vision", "Binance: data.binance.vision, klines of the API",
        (MILLISECONDS, MICROSECONDS, ISO, LOCAL),
        headers=[_named("open time", "close time")],
        orders=["start open high low close volume end - - - - -"],
        zone=UTC,
        units_change=True,
    ),
    Layout(
        "kraken", "Kraken: OHLCVT archive, OHLC of the API",
        (SECONDS,),
        orders=["start open high low close volume -", "start open high low close - volume -"],
    ),
    Layout(
        "coinbase", "Coinbase Exchange: product candles",
        (SECONDS,),
        headers=[_named("time")],
        orders=["start low high open close volume"],
        header_in_order=True,
    ),
    Layout(
        "bitfinex", "Bitfinex: candles of the API",
        (MILLISECONDS,),
        orders=["start open close high low volume"],
    ),
    Layout(
        "cryptodatadownload", "CryptoDataDownload",
        (SECONDS, MILLISECONDS, MICROSECONDS),
        headers=[_named("unix", "symbol"), _named("unix timestamp", "symbol")],
        zone=UTC,
        units_change=True,
    ),
    Layout(
        "cryptodatadownload", "CryptoDataDownload, without unix times",
        (LOCAL,),
        headers=[_named("date", "symbol")],
        marks=_named(ADDRESS),
        zone=UTC,
    ),
    Layout(
        "yfinance", "yfinance: download(...).to_csv(), of one ticker or several",
        (ISO,),
        headers=[_named("datetime")],
    ),
    Layout(
        "yfinance", "yfinance, several header rows",
        (ISO,),
        headers=[_named()],
        marks=_named(TICKERS),
    ),
    Layout(
        "ccxt", "ccxt: fetch_ohlcv, as JSON or CSV",
        (MILLISECONDS,),
        headers=[_named("timestamp")],
        orders=["start open high low close volume"],
    ),
    Layout(
        "bitstamp", "Kaggle: Bitstamp minutes, with empty rows where nothing was traded",
        (SECONDS,),
        headers=[_named("timestamp", "volume btc")],
    ),
    Layout(
        "tradingview", "TradingView: export of a chart",
        (SECONDS, ISO),
        headers=[_named("time")],
    ),
    Layout(
        "metatrader", "MetaTrader: export of bars",
        (DOTTED,),
        headers=[_named()],
        orders=[
            "date time open high low close volume",
            "date time open high low close volume - -",
            "start open high low close volume",
        ],
        zone=UTC,
        zone_is_documented=False,
    ),
    Layout(
        "coinapi", "CoinAPI: OHLCV",
        (ISO,),
        headers=[_named("time period start")],
    ),
    Layout(
        "dukascopy", "Dukascopy: historical data feed",
        (DAY_FIRST,),
        headers=[_named("gmt time")],
        zone=UTC,
    ),
    Layout(
        "generic", "any other, with a header; without one: time, open, high, low, close, volume",
        (*UNITS, *NOTATIONS),
        headers=[_named()],
        orders=["start open high low close volume", "start open high low close volume -"],
    ),
)  # fmt: skip
"""The first that fits is taken, so the more particular comes first."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file are which of a candle."""

    layout: Layout
    time: pd.Series
    time_names: Sequence[str]
    other_times: Sequence[str]
    """Columns that say the same time once more."""
    end: str | None
    """Column of the end of a bar, beside that of its start."""
    dated_by_end: bool
    named: Mapping[str, str]
    """``open`` to ``volume`` and perhaps ``symbol`` -> name in the file."""

    def left_out(self, table: WrittenTable) -> list[str]:
        """Columns of the file that are not used."""
        used = {*self.time_names, *self.other_times, *self.named.values(), self.end}
        return [name for name in table.frame.columns if name not in used]


def recognised(label: str, table: WrittenTable, wanted: str | None) -> Columns:
    """The layout of a table, which is ``wanted`` or refused.

    Raises:
        FeedDataError: the table has no layout that is known, or not the one that is wanted.
    """
    layouts = [layout for layout in LAYOUTS if wanted in (None, layout.name)]
    find = _by_names if table.headed else _by_order
    found = find(label, table, layouts)
    if found is None:
        raise FeedDataError(
            f"{label} is not in the layout {wanted!r}. Leave out the format to have its layout "
            f"recognised; `coordinator prices inspect` says what is in it."
        )
    return found


def text_columns(names: Sequence[str]) -> list[str]:
    """The columns of a header whose values are text, even if all of them look like numbers."""
    normal = {plain(name): name for name in names}
    text = [*NAMES["symbol"], *(("date", "time") if {"date", "time"} <= set(normal) else ())]
    return [normal[name] for name in text if name in normal]


def plain(name: str) -> str:
    """A name of a column without what sources write differently: ``<OPEN>``, ``Open_Time``.

    Of one letter, ``t`` and ``T`` are two.
    """
    if len(name) == 1:
        return name
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


# -- with a header -------------------------------------------------------------------------


def _by_names(label: str, table: WrittenTable, layouts: Sequence[Layout]) -> Columns | None:
    names = [str(name) for name in table.frame.columns]
    normal = {plain(name): name for name in reversed(names)}
    named = {
        column: name for column in NAMES if (name := _first(column, normal, names)) is not None
    }
    starts = [normal[name] for name in START if name in normal]
    ends = [normal[name] for name in END if name in normal]
    _require_columns(label, names, named, times=[*starts, *ends])
    _require_one_of_each(label, names, [*named.values(), *starts, *ends])
    time, time_names = _time(table, normal, starts or ends)
    notation = notation_of(time)
    for layout in layouts:
        if _has(layout, table, names, notation):
            return Columns(
                layout,
                time,
                time_names,
                [name for name in starts if name not in time_names],
                ends[0] if starts and ends else None,
                not starts,
                named,
            )
    return None


def _first(column: str, normal: Mapping[str, str], names: Sequence[str]) -> str | None:
    found = [normal[name] for name in NAMES[column] if name in normal]
    if column == "volume":
        found += [name for name in names if plain(name).startswith(VOLUME_OF)]
    return found[0] if found else None


def _time(
    table: WrittenTable, normal: Mapping[str, str], candidates: Sequence[str]
) -> tuple[pd.Series, Sequence[str]]:
    """The column that says the time best: a number, else with a zone, else without one."""
    if {"date", "time"} <= set(normal) and is_time_of_day(table.frame[normal["time"]]):
        names = [normal["date"], normal["time"]]
        if set(candidates) <= set(names):
            return joined(*(table.frame[name] for name in names)), names
        candidates = [name for name in candidates if name not in names]
    order = [*UNITS, *NOTATIONS, ""]
    best = min(candidates, key=lambda name: order.index(notation_of(table.frame[name])))
    return table.frame[best], [best]


def _has(layout: Layout, table: WrittenTable, names: Sequence[str], notation: str) -> bool:
    normal = [plain(name) for name in names]
    if layout.header_in_order:
        words = layout.orders[0].replace("start", "time").split()
        if normal != words:
            return False
    return (
        layout.marks <= set(table.marks)
        and any(header <= set(normal) for header in layout.headers)
        and (notation in layout.times or (notation == "" and layout.name == "generic"))
    )


def _require_columns(
    label: str, names: Sequence[str], named: Mapping[str, str], times: Sequence[str]
) -> None:
    missing = [name for name in PRICE_COLUMNS if name not in named]
    missing = missing if times else ["time", *missing]
    if missing:
        wrong = f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        advice = "Name the columns as in ts,open,high,low,close,volume."
        if missing == ["volume"]:
            advice = "If its source has none, add a column volume of zeros."
        raise FeedDataError(
            f"{label} {wrong}: its first line is its header, with {listed(names)}. {advice}"
        )


def _require_one_of_each(label: str, names: Sequence[str], used: Sequence[str]) -> None:
    counts = Counter(map(plain, names))
    if twice := [name for name in used if counts[plain(name)] > 1]:
        raise FeedDataError(
            f"{label} has a column twice: {listed(twice)}. Keep the one that is right."
        )


# -- without a header ----------------------------------------------------------------------


def _by_order(label: str, table: WrittenTable, layouts: Sequence[Layout]) -> Columns | None:
    candidates = [
        found
        for layout in layouts
        for order in layout.orders
        if (found := _ordered(table, layout, order.split())) is not None
    ]
    if not candidates and len(layouts) < len(LAYOUTS):
        return None
    faults = [int(_impossible(table, found).sum()) for found in candidates]
    if not candidates or min(faults) * 2 > len(table.frame):
        first = table.frame.iloc[0].tolist()
        raise FeedDataError(
            f"{label} has no header, and its {len(first)} columns are in no order that is known; "
            f"the first row is {listed(first)}. Write a header as its first line, such as "
            f"ts,open,high,low,close,volume."
        )
    # Orders in which as many candles are possible read them alike.
    return candidates[faults.index(min(faults))]


def _ordered(table: WrittenTable, layout: Layout, order: Sequence[str]) -> Columns | None:
    frame = table.frame
    if frame.shape[1] != len(order):
        return None
    where = {column: unnamed(place) for place, column in enumerate(order, 1)}
    if "date" in where:
        time_names = [where["date"], where["time"]]
        if not is_time_of_day(frame[where["time"]]):
            return None
        time = joined(*(frame[name] for name in time_names))
    else:
        time_names = [where["start"]]
        time = frame[time_names[0]]
    if notation_of(time) not in layout.times:
        return None
    named = {column: where[column] for column in PRICE_COLUMNS}
    return Columns(layout, time, time_names, (), where.get("end"), False, named)


def _impossible(table: WrittenTable, columns: Columns) -> pd.Series:
    prices = _prices(table, columns)
    below, above = prices.lt(prices["low"], axis=0), prices.gt(prices["high"], axis=0)
    return (below | above).any(axis=1)


def _prices(table: WrittenTable, columns: Columns) -> pd.DataFrame:
    names = ("open", "high", "low", "close")
    return pd.DataFrame({name: numbers(table.frame[columns.named[name]]) for name in names})
