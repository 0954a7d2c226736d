"""What a good candle is: every rule, applied to whole columns; one report of all that is broken.

Add rules about candles here; avoid file formats, and avoid mending anything. A broken row refuses
a whole file, since its owner can mend that, and counts as missing in a vendor's answer; a gap is no
fault (``domain.feed_record.feed_record`` finds gaps).
"""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS
from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.file import CandleTable
from coordinator_pipelines.feeds.candles.problems import EXAMPLES, Problem, report
from coordinator_pipelines.feeds.candles.step import RUN, in_coarser_run, smallest_step

logger = logging.getLogger(__name__)

OHLC = ("open", "high", "low", "close")
NUMBER = r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*"
ISO_INSTANT = (
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.0+)?)?"  # a whole second
    r"(?:Z|[+-]\d{2}:?\d{2})"  # with a time zone
)
YEAR_2100 = 4_102_444_800
AGAIN = "Get these candles again from their origin."

Finding = tuple[str, pd.Series, Sequence[str], str]
"""Kind of problem, which rows have it, the columns to show, what to do."""


def checked_candles(table: CandleTable, granularity_seconds: int, name: str) -> pd.DataFrame:
    """The candles of a table without a fault, in the order of the file.

    Columns: ``symbol`` ("" if the file has none), ``ts`` (open time, epoch seconds), ``open,
    high, low, close, volume``.

    Raises:
        FeedDataError: anything at all is broken; the message lists every kind of problem.
    """
    candles, findings = _judged(table, granularity_seconds)
    findings += _step_findings(candles, granularity_seconds, named="symbol" in table.rows)
    problems = [*table.problems, *(_problem(table, *finding) for finding in findings)]
    if problems:
        total = len(candles) + sum(problem.count for problem in table.problems)
        head = f"{name} is refused and nothing of its {total:,} rows was used, because of"
        raise FeedDataError(report(head, problems))
    return candles.astype({"ts": "int64"})


def told_apart(table: CandleTable, granularity_seconds: int, name: str) -> pd.DataFrame:
    """The candles of a table, with a column ``sound``: whether one is without a fault.

    The log tells the faults. For a source that whoever reads it cannot mend; times must be right.
    """
    candles, findings = _judged(table, granularity_seconds)
    sound = pd.Series(True, candles.index)
    for _, broken, _, _ in findings:
        sound &= ~broken
    if findings:
        problems = [_problem(table, *finding) for finding in findings]
        head = f"{name}: {(~sound).sum()} of {len(candles):,} count as missing, because of"
        logger.warning("%s", report(head, problems))
    return candles.astype({"ts": "int64"}).assign(sound=sound)


def _judged(table: CandleTable, granularity_seconds: int) -> tuple[pd.DataFrame, list[Finding]]:
    """The candles, and every kind of fault that there is."""
    candles = _typed(table.rows)
    findings = [
        *_value_findings(candles, table.rows),
        *_time_findings(candles, granularity_seconds, named="symbol" in table.rows),
    ]
    return candles, [finding for finding in findings if finding[1].any()]


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers, NaN where there is none; ``ts`` in seconds whatever the file says it in."""
    typed = {name: _numbers(rows[name]) for name in PRICE_COLUMNS}
    typed["ts"] = _numbers(rows["ts"]) if "ts" in rows else _seconds(rows["open_time"])
    symbol = rows["symbol"].astype(object).fillna("").astype(str) if "symbol" in rows else ""
    return pd.DataFrame({"symbol": symbol, **typed}, index=rows.index)


def _numbers(column: pd.Series) -> pd.Series:
    if _is_numeric(column):
        return column.astype("float64")
    text = column.astype(str)
    return text.where(text.str.fullmatch(NUMBER), "nan").map(float).astype("float64")


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"


def _seconds(column: pd.Series) -> pd.Series:
    times = column if isinstance(column.dtype, pd.DatetimeTZDtype) else _parsed(column.astype(str))
    whole = times.notna() & (times == times.dt.floor("s"))
    seconds: pd.Series = times.dt.as_unit("s").astype("int64").astype("float64")
    return seconds.where(whole)


def _parsed(text: pd.Series) -> pd.Series:
    instants = text.where(text.str.fullmatch(ISO_INSTANT))
    return pd.to_datetime(instants, format="ISO8601", utc=True, errors="coerce")


def _value_findings(candles: pd.DataFrame, rows: pd.DataFrame) -> Iterator[Finding]:
    for name in PRICE_COLUMNS:
        nan, numeric = candles[name].isna(), _is_numeric(rows[name])
        infinite = np.isinf(candles[name])
        yield f"{name} is not a number", nan & (not numeric), [name], AGAIN
        yield f"{name} is not finite", infinite | (nan & numeric), [name], AGAIN
    low, high, volume = candles["low"], candles["high"], candles["volume"]
    prices = candles[list(OHLC)]
    yield "a price is not above 0", (prices <= 0).any(axis=1), OHLC, AGAIN
    yield "volume is negative", volume < 0, ["volume"], AGAIN
    body = candles[["open", "close"]]
    yield (
        "an impossible candle: low is above open, high or close",
        (low > high) | body.lt(low, axis=0).any(axis=1),
        OHLC,
        AGAIN,
    )
    yield (
        "an impossible candle: high is below open or close",
        body.gt(high, axis=0).any(axis=1),
        OHLC,
        AGAIN,
    )


def _time_findings(candles: pd.DataFrame, granularity: int, *, named: bool) -> Iterator[Finding]:
    symbol, ts = candles["symbol"], candles["ts"]
    shown = ["symbol", "ts"] if named else ["ts"]
    unclear = [text for text in symbol.unique() if named and not _is_clear(text)]
    yield "symbol is empty or has blanks", symbol.isin(unclear), shown, "Correct the symbol."
    yield (
        "the open time cannot be read",
        ts.isna(),
        ["ts"],
        "ts is unix seconds; open_time is an ISO-8601 instant on a whole second with a time zone.",
    )
    far = (ts < 0) | (ts >= YEAR_2100)
    yield (
        "ts is before 1970 or after 2100",
        far,
        ["ts"],
        "ts is unix seconds; divide milliseconds by 1000.",
    )
    yield (
        f"the open time is not on the grid of {granularity} s",
        ~far & ts.notna() & (ts % granularity != 0),
        shown,
        "Check granularity_seconds: open times are multiples of it since 1970-01-01 UTC.",
    )
    yield from _order_findings(candles, shown)


def _is_clear(symbol: str) -> bool:
    return symbol != "" and symbol.isprintable() and " " not in symbol


def _order_findings(candles: pd.DataFrame, shown: Sequence[str]) -> Iterator[Finding]:
    repeated = candles["ts"].notna() & candles.duplicated(["symbol", "ts"])
    identical = repeated & candles.duplicated()
    yield "a candle is there twice, identical", identical, shown, "Keep one of each."
    yield (
        "a candle is there twice, with other values",
        repeated & ~identical,
        [*shown, "close"],
        "Find out which one is right and keep that.",
    )
    backwards = candles.groupby("symbol", sort=False)["ts"].diff() < 0
    yield "the open time is before that of the row above", backwards, shown, "Sort the file."


def _step_findings(candles: pd.DataFrame, granularity: int, *, named: bool) -> list[Finding]:
    """By symbol: steps that are never a bar's, or not for a stretch that no gaps explain."""
    readable = candles[np.isfinite(candles["ts"])]
    shown = ["symbol", "ts"] if named else ["ts"]
    findings: list[Finding] = []
    for symbol, ts in readable.groupby("symbol", sort=False)["ts"]:
        times, of = ts.to_numpy(), f" of {symbol}" if named else ""
        step = smallest_step(times)
        coarse = in_coarser_run(times, granularity)
        if granularity < step < np.inf:
            kind = (
                f"these are no candles of {granularity} s: no two rows{of} are {granularity} s "
                f"apart, the smallest step is {step:g} s"
            )
            coarse = np.ones(len(times), dtype=bool)
        elif coarse.any():
            step = np.diff(times[coarse]).min(initial=np.inf)
            kind = f"rows{of} that are {step:g} s apart, {RUN} or more in a row"
        else:
            continue
        broken = pd.Series(False, candles.index)
        broken[ts.index[coarse]] = True
        advice = (
            f"Closes would be dated too early. Export candles of {granularity} s, or set "
            f"granularity_seconds to the length of these."
        )
        findings.append((kind, broken, shown, advice))
    return findings


def _problem(
    table: CandleTable, kind: str, broken: pd.Series, shown: Sequence[str], advice: str
) -> Problem:
    first = np.flatnonzero(broken)[:EXAMPLES]
    names = ["open_time" if n == "ts" and "ts" not in table.rows else n for n in shown]
    examples = tuple(
        f"{table.place_name} {table.places[row]} ({_values(table.rows.iloc[row], names)})"
        for row in first
    )
    return Problem(kind, advice, int(broken.sum()), examples)


def _values(row: pd.Series, names: Sequence[str]) -> str:
    return ", ".join(f"{name}={row[name]}" for name in names)
