"""What a good candle is: every rule, applied to whole columns; one report of all that is broken.

Add rules about candles here; avoid file formats, and avoid mending anything. A broken row refuses
a whole file, since its owner can mend that, and counts as missing in a vendor's answer; a gap is no
fault (``domain.feed_record.feed_record`` finds gaps).
"""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS
from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.candles.problems import report, shown
from coordinator_pipelines.feeds.candles.step import RUN, in_coarser_run, smallest_step
from coordinator_pipelines.feeds.candles.table import CandleTable, Finding, is_numeric, numbers

logger = logging.getLogger(__name__)

OHLC = ("open", "high", "low", "close")
YEAR_2100 = 4_102_444_800
LAST_UNIT = 0.0011
"""Seconds by which the end of a bar may be said too early: 12:00:59.999 for 12:01:00."""
MEND = "Correct these rows from their source, or delete them: what is missing is a gap."
GRID = "Check granularity_seconds: open times are multiples of it since 1970-01-01 UTC."
WHOLE_SECONDS = (
    "Some lie between whole seconds, which are the finest here: export candles of a second or more."
)
SET_GRANULARITY = (
    "Closes would be dated too early. Export candles of {} s, or set granularity_seconds to the "
    "length of these."
)
POINTS = "Correct them, or delete them; numbers have a decimal point and no other marks."


def checked_candles(table: CandleTable, granularity_seconds: int, name: str) -> pd.DataFrame:
    """The candles of a table without a fault, in the order of the file.

    Columns: ``symbol`` ("" if the file has none), ``ts`` (open time, epoch seconds), ``open,
    high, low, close, volume``.

    Raises:
        FeedDataError: anything at all is broken; the message lists every kind of problem.
    """
    candles, findings = _judged(table, granularity_seconds)
    findings += _step_findings(candles, granularity_seconds, named="symbol" in table.rows)
    problems = [*table.problems, *map(table.problem, findings)]
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
        problems = [table.problem(finding) for finding in findings]
        head = f"{name}: {(~sound).sum()} of {len(candles):,} count as missing, because of"
        logger.warning("%s", report(head, problems))
    return candles.astype({"ts": "int64"}).assign(sound=sound)


def _judged(table: CandleTable, granularity_seconds: int) -> tuple[pd.DataFrame, list[Finding]]:
    """The candles, and every kind of fault that there is."""
    candles = _typed(table.rows)
    if table.dated_by_end:
        candles["ts"] -= granularity_seconds
    named = "symbol" in table.rows
    findings = [
        *table.findings,
        *_value_findings(candles, table.rows),
        *_time_findings(candles, granularity_seconds, named=named),
        *_order_findings(candles, table, ["symbol", "ts"] if named else ["ts"]),
    ]
    if table.lengths is not None:
        findings.append(_length_finding(table.lengths, granularity_seconds))
    return candles, [finding for finding in findings if finding[1].any()]


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers, NaN where there is none."""
    typed = {name: numbers(rows[name]) for name in ("ts", *PRICE_COLUMNS)}
    symbol = rows["symbol"].astype(object).fillna("").astype(str) if "symbol" in rows else ""
    return pd.DataFrame({"symbol": symbol, **typed}, index=rows.index)


def _value_findings(candles: pd.DataFrame, rows: pd.DataFrame) -> Iterator[Finding]:
    for name in PRICE_COLUMNS:
        nan, numeric = candles[name].isna(), is_numeric(rows[name])
        infinite = np.isinf(candles[name])
        yield f"{name} is not a number", nan & (not numeric), [name], POINTS
        yield f"{name} is not finite", infinite | (nan & numeric), [name], MEND
    low, high, volume = candles["low"], candles["high"], candles["volume"]
    prices = candles[list(OHLC)]
    yield "a price is not above 0", (prices <= 0).any(axis=1), OHLC, MEND
    yield "volume is negative", volume < 0, ["volume"], MEND
    body = candles[["open", "close"]]
    yield (
        "an impossible candle: low is above open, high or close",
        (low > high) | body.lt(low, axis=0).any(axis=1),
        OHLC,
        MEND,
    )
    yield (
        "an impossible candle: high is below open or close",
        body.gt(high, axis=0).any(axis=1),
        OHLC,
        MEND,
    )


def _time_findings(candles: pd.DataFrame, granularity: int, *, named: bool) -> Iterator[Finding]:
    symbol, ts = candles["symbol"], candles["ts"]
    columns = ["symbol", "ts"] if named else ["ts"]
    unclear = [text for text in symbol.unique() if named and not _is_clear(text)]
    yield "symbol is empty or has blanks", symbol.isin(unclear), columns, "Correct the symbol."
    far = (ts < 0) | (ts >= YEAR_2100)
    yield (
        "the open time is before 1970 or after 2100",
        far,
        ["ts"],
        "Correct it, or delete these rows.",
    )
    yield (
        f"the open time is not on the grid of {granularity} s",
        ~far & ts.notna() & (ts % granularity != 0),
        columns,
        GRID if (ts[~far & ts.notna()] % 1 == 0).all() else WHOLE_SECONDS,
    )


def _is_clear(symbol: str) -> bool:
    return symbol != "" and symbol.isprintable() and " " not in symbol


def _order_findings(
    candles: pd.DataFrame, table: CandleTable, columns: list[str]
) -> Iterator[Finding]:
    repeated = candles["ts"].notna() & candles.duplicated(["symbol", "ts"])
    identical = repeated & candles.duplicated()
    yield "a candle is there twice, identical", identical, columns, "Keep one of each."
    yield (
        "a candle is there twice, with other values",
        repeated & ~identical,
        [*columns, "close"],
        "Find out which one is right and keep that.",
    )
    steps = candles.groupby("symbol", sort=False)["ts"].diff()
    backwards, way = (steps > 0, "after") if table.newest_first else (steps < 0, "before")
    kind = f"the open time is {way} that of the row above"
    yield kind, backwards, columns, "Sort the file."


def _length_finding(lengths: pd.Series, granularity: int) -> Finding:
    """Bars that are of another length by what their own rows say."""
    other = lengths.notna() & ~lengths.between(granularity - LAST_UNIT, granularity)
    said = round(float(lengths[other].median())) if other.any() else 0
    kind = f"these are no candles of {granularity} s: their rows end {said} s after they begin"
    return kind, other, ["ts"], SET_GRANULARITY.format(granularity)


def _step_findings(candles: pd.DataFrame, granularity: int, *, named: bool) -> list[Finding]:
    """By symbol: steps that are never a bar's, or not for a stretch that no gaps explain."""
    readable = candles[np.isfinite(candles["ts"])].sort_values("ts")
    columns = ["symbol", "ts"] if named else ["ts"]
    findings: list[Finding] = []
    for symbol, ts in readable.groupby("symbol", sort=False)["ts"]:
        times, of = ts.to_numpy(), f" of {shown(symbol, 30)}" if named else ""
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
        findings.append((kind, broken, columns, SET_GRANULARITY.format(granularity)))
    return findings
