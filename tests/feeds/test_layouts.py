"""Candles as their sources export them: the same records from every layout, and no wrong guess."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.spec.feed import FILE_FORMATS
from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.candles.layouts import LAYOUTS
from coordinator_pipelines.feeds.file import FileFeed

FIRST = int(datetime(2025, 3, 1, 12, 0, tzinfo=UTC).timestamp())
PAST, FUTURE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def known(count: int = 40) -> pd.DataFrame:
    """Candles that move within their minutes, so that no two columns could be swapped; a gap."""
    draw = np.random.default_rng(7)
    closes = (85_000 + draw.normal(0, 20, count + 1).cumsum()).round(2)
    opened, closed = closes[:-1], closes[1:]
    wicks = draw.uniform(1, 15, (2, count)).round(2)
    frame = pd.DataFrame(
        {
            "ts": FIRST + 60 * np.arange(count),
            "open": opened,
            "high": (np.maximum(opened, closed) + wicks[0]).round(2),
            "low": (np.minimum(opened, closed) - wicks[1]).round(2),
            "close": closed,
            "volume": draw.uniform(0, 9, count).round(5),
        }
    )
    return frame.drop(index=[11, 12]).reset_index(drop=True)


KNOWN = known()


def lines(
    header: str,
    row: Callable[[pd.Series], Sequence[object]],
    separator: str = ",",
    before: Sequence[str] = (),
    newest_first: bool = False,
) -> bytes:
    """Text with a line for each of the known candles."""
    text = io.StringIO()
    for line in [*before, *([header] if header else [])]:
        text.write(f"{line}\n")
    rows = csv.writer(text, delimiter=separator, lineterminator="\n")
    ordered = KNOWN[::-1] if newest_first else KNOWN
    rows.writerows(row(candle) for candle in ordered.itertuples())
    return text.getvalue().encode()


def at(ts: int, form: str) -> str:
    return datetime.fromtimestamp(ts, UTC).strftime(form)


def ohlcv(c) -> list[float]:
    return [c.open, c.high, c.low, c.close, c.volume]


def binance(factor: int, header: str = "") -> bytes:
    return lines(
        header,
        lambda c: [c.ts * factor, *ohlcv(c), (c.ts + 60) * factor - 1, 12.5, 9, 0.5, 6.25, 0],
    )


def zipped(content: bytes, name: str = "BTCUSDT-1m-2025-03.csv") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


BINANCE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
BINANCE_FRAME = (
    "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
    "Taker buy base asset volume,Taker buy quote asset volume,Ignore"
)
EMPTY = ["NaN"] * 7
CDD = "https://www.CryptoDataDownload.com"
YFINANCE = "%Y-%m-%d %H:%M:%S+00:00"
COINAPI = "%Y-%m-%dT%H:%M:%S.0000000Z"
MT5 = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"


def bitstamp() -> bytes:
    """The two minutes without a trade are there, empty."""
    filled = lines(
        "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price",
        lambda c: [c.ts, *ohlcv(c), 12.5, 85_000.25],
    ).splitlines()
    empty = [",".join(map(str, [FIRST + 60 * k, *EMPTY])).encode() for k in (11, 12)]
    return b"\n".join([*filled[:12], *empty, *filled[12:]])


def ccxt_rows(factor: int = 1000) -> list[list[float]]:
    return [[c.ts * factor, *ohlcv(c)] for c in KNOWN.itertuples()]


CASES: dict[str, tuple[str, str, bytes]] = {
    # what it is: how it is read, the name of the file, its content
    "our own": ("generic, seconds", "own.csv", KNOWN.to_csv(index=False).encode()),
    "binance, zip, microseconds": (
        "binance-vision, microseconds", "BTCUSDT-1m-2025-03.zip", zipped(binance(10**6)),
    ),
    "binance, zip, milliseconds, header": (
        "binance-vision, milliseconds", "a.zip", zipped(binance(1000, BINANCE_HEADER)),
    ),
    "binance, csv without a header": (
        "binance-vision, milliseconds", "a.csv", binance(1000),
    ),
    "binance, header of a data frame": (
        "binance-vision, microseconds", "a.csv.gz", gzip.compress(binance(10**6, BINANCE_FRAME)),
    ),
    "kraken": (
        "kraken, seconds", "XBTUSD_1.csv", lines("", lambda c: [c.ts, *ohlcv(c), 17]),
    ),
    "kraken, json": (
        "kraken, seconds", "a.json",
        json.dumps({"error": [], "result": {"XXBTZUSD": [
            [c.ts, *map(str, ohlcv(c)[:4]), "1.5", str(c.volume), 7] for c in KNOWN.itertuples()
        ], "last": 1}}).encode(),
    ),
    "coinbase, csv": (
        "coinbase, seconds", "a.csv",
        lines("time,low,high,open,close,volume",
              lambda c: [c.ts, c.low, c.high, c.open, c.close, c.volume], newest_first=True),
    ),
    "coinbase, json": (
        "coinbase, seconds", "a.json",
        json.dumps([[c.ts, c.low, c.high, c.open, c.close, c.volume]
                    for c in KNOWN[::-1].itertuples()]).encode(),
    ),
    "coinbase advanced, json": (
        "generic, seconds", "a.json",
        json.dumps({"candles": [
            {"start": str(c.ts), "low": str(c.low), "high": str(c.high), "open": str(c.open),
             "close": str(c.close), "volume": str(c.volume)} for c in KNOWN[::-1].itertuples()
        ]}).encode(),
    ),
    "kaggle, bitstamp minutes": ("bitstamp, seconds", "bitstampUSD_1-min.csv", bitstamp()),
    "kaggle, bitstamp minutes with a fraction": (
        "generic, seconds", "btcusd_1-min_data.csv",
        lines("Timestamp,Open,High,Low,Close,Volume", lambda c: [f"{c.ts}.0", *ohlcv(c)]),
    ),
    "cryptodatadownload": (
        "cryptodatadownload, seconds", "Bitstamp_BTCUSD_2025_minute.csv",
        lines("unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
              lambda c: [c.ts, at(c.ts, "%Y-%m-%d %H:%M:%S"), "BTC/USD", *ohlcv(c), 12.5],
              before=[CDD], newest_first=True),
    ),
    "cryptodatadownload, of binance": (
        "cryptodatadownload, milliseconds", "Binance_BTCUSDT_2025_minute.csv",
        lines("Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount",
              lambda c: [c.ts * 1000, at(c.ts, "%Y-%m-%d %H:%M:%S"), "BTC/USD", *ohlcv(c), 1.5, 7],
              before=[CDD], newest_first=True),
    ),
    "cryptodatadownload, dates": (
        "cryptodatadownload, dates and times", "a.csv",
        lines("Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD",
              lambda c: [at(c.ts, "%Y-%m-%d %H:%M:%S"), "BTC/USD", *ohlcv(c), 12.5],
              before=[CDD], newest_first=True),
    ),
    "yfinance": (
        "yfinance, ISO-8601", "a.csv",
        lines("Datetime,Open,High,Low,Close,Adj Close,Volume",
              lambda c: [at(c.ts, YFINANCE), c.open, c.high, c.low, c.close, c.close, c.volume]),
    ),
    "yfinance, three header rows": (
        "yfinance, ISO-8601", "a.csv",
        lines("Datetime,,,,,",
              lambda c: [at(c.ts, YFINANCE), c.close, c.high, c.low, c.open, c.volume],
              before=["Price,Close,High,Low,Open,Volume", f"Ticker{',BTC/USD' * 5}"]),
    ),
    "ccxt, csv": (
        "ccxt, milliseconds", "a.csv",
        lines("timestamp,open,high,low,close,volume", lambda c: [c.ts * 1000, *ohlcv(c)]),
    ),
    "ccxt, csv without a header": (
        "ccxt, milliseconds", "a.csv", lines("", lambda c: [c.ts * 1000, *ohlcv(c)]),
    ),
    "ccxt, json": ("ccxt, milliseconds", "a.json", json.dumps(ccxt_rows()).encode()),
    "ccxt, index of a data frame": (
        "ccxt, milliseconds", "a.csv",
        pd.DataFrame(ccxt_rows(), columns=["timestamp", "open", "high", "low", "close", "volume"])
        .astype({"timestamp": "int64"}).to_csv().encode(),
    ),
    "bitfinex, json": (
        "bitfinex, milliseconds", "a.json",
        json.dumps([[c.ts * 1000, c.open, c.close, c.high, c.low, c.volume]
                    for c in KNOWN[::-1].itertuples()]).encode(),
    ),
    "tradingview, seconds": (
        "tradingview, seconds", "BITSTAMP_BTCUSD, 1.csv",
        lines("time,open,high,low,close,Volume,Volume MA",
              lambda c: [c.ts, *ohlcv(c), "" if c.Index < 9 else 1.5]),
    ),
    "tradingview, iso": (
        "tradingview, ISO-8601", "a.csv",
        lines("time,open,high,low,close,Volume",
              lambda c: [at(c.ts + 3600, "%Y-%m-%dT%H:%M:%S+01:00"), *ohlcv(c)]),
    ),
    "metatrader 5, tabs": (
        "metatrader, dotted dates", "BTCUSD_M1.csv",
        lines(MT5, lambda c: [at(c.ts, "%Y.%m.%d"), at(c.ts, "%H:%M:%S"), *ohlcv(c)[:4], 99,
                              c.volume, 5], separator="\t"),
    ),
    "metatrader, semicolons": (
        "metatrader, dotted dates", "a.csv",
        lines("Date;Time;Open;High;Low;Close;Volume",
              lambda c: [at(c.ts, "%Y.%m.%d"), at(c.ts, "%H:%M"), *ohlcv(c)], separator=";"),
    ),
    "metatrader 4, without a header": (
        "metatrader, dotted dates", "a.csv",
        lines("", lambda c: [at(c.ts, "%Y.%m.%d"), at(c.ts, "%H:%M"), *ohlcv(c)]),
    ),
    "coinapi, semicolons": (
        "coinapi, ISO-8601", "a.csv",
        lines("time_period_start;time_period_end;time_open;time_close;price_open;price_high;"
              "price_low;price_close;volume_traded;trades_count",
              lambda c: [at(c.ts, COINAPI), at(c.ts + 60, COINAPI),
                         at(c.ts, "%Y-%m-%dT%H:%M:03.1Z"),
                         at(c.ts + 58, "%Y-%m-%dT%H:%M:58.2Z"), *ohlcv(c), 17], separator=";"),
    ),
    "coinapi, json": (
        "coinapi, ISO-8601", "a.json.gz",
        gzip.compress(json.dumps([
            {"time_period_start": at(c.ts, COINAPI), "time_period_end": at(c.ts + 60, COINAPI),
             "price_open": c.open, "price_high": c.high, "price_low": c.low,
             "price_close": c.close, "volume_traded": c.volume, "trades_count": 4}
            for c in KNOWN.itertuples()
        ]).encode()),
    ),
    "polygon, nanoseconds": (
        "generic, nanoseconds", "a.csv",
        lines("ticker,volume,open,close,high,low,window_start,transactions",
              lambda c: ["BTC/USD", c.volume, c.open, c.close, c.high, c.low, c.ts * 10**9, 3]),
    ),
    "bybit, json": (
        "generic, milliseconds", "a.json",
        json.dumps({"retCode": 0, "result": {"symbol": "BTC", "list": [
            [str(c.ts * 1000), *map(str, ohlcv(c)), "12.5"] for c in KNOWN[::-1].itertuples()
        ]}}).encode(),
    ),
    "hyperliquid, json": (
        "generic, milliseconds", "a.json",
        json.dumps([{"t": c.ts * 1000, "T": c.ts * 1000 + 59_999, "s": "BTC", "i": "1m",
                     "o": str(c.open), "c": str(c.close), "h": str(c.high), "l": str(c.low),
                     "v": str(c.volume), "n": 7} for c in KNOWN.itertuples()]).encode(),
    ),
    "binance, times as text": (
        "binance-vision, dates and times", "a.csv",
        lines(BINANCE_FRAME,
              lambda c: [at(c.ts, "%Y-%m-%d %H:%M:%S.000000"), *ohlcv(c),
                         at(c.ts + 59, "%Y-%m-%d %H:%M:%S.999000"), 12.5, 9, 0.5, 6.25, 0]),
    ),
    "databento": (
        "generic, ISO-8601", "a.csv",
        lines("ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
              lambda c: [at(c.ts, "%Y-%m-%dT%H:%M:%S.000000000Z"), 33, 1, 7, *ohlcv(c), "BTC/USD"]),
    ),
    "dukascopy": (
        "dukascopy, dotted dates, the day first", "a.csv",
        lines("Gmt time,Open,High,Low,Close,Volume",
              lambda c: [at(c.ts, "%d.%m.%Y %H:%M:%S.000"), *ohlcv(c)]),
    ),
    "columns of an answer": (
        "generic, seconds", "a.json",
        json.dumps({"s": "ok", **{key: KNOWN[name].tolist() for key, name in zip(
            "tohlcv", ["ts", "open", "high", "low", "close", "volume"], strict=True)}}).encode(),
    ),
    "quoted, semicolons": (
        "generic, ISO-8601", "a.txt",
        lines('"Timestamp";"Open";"High";"Low";"Close";"Volume"',
              lambda c: [at(c.ts, "%Y-%m-%dT%H:%M:%SZ"), *ohlcv(c)], separator=";")
        .replace(b"Z;", b'Z";').replace(b"\n2025", b'\n"2025'),
    ),
    "ends of bars": (
        "generic, seconds", "a.csv",
        lines("ended_at,open,high,low,close,volume", lambda c: [c.ts + 60, *ohlcv(c)]),
    ),
}  # fmt: skip


def read(path, **settings):
    symbol = "BTC/USD"
    feed = FileFeed(path, subjects=[symbol], granularity_seconds=60, **settings)
    return feed.records([symbol], PAST, FUTURE).drop(columns=["source", "subject"]), feed.reading()


def refusal(path, error=FeedDataError, **settings) -> str:
    with pytest.raises(error) as caught:
        read(path, **settings)
    return str(caught.value)


@pytest.mark.parametrize("case", CASES)
def test_every_layout_gives_the_same_records(case, write):
    said, name, content = CASES[case]
    records, reading = read(write(content, name))
    expected = KNOWN.assign(ended_at=pd.to_datetime(KNOWN["ts"] + 60, unit="s", utc=True))
    assert records["ended_at"].tolist() == expected["ended_at"].tolist()
    for column in ("open", "high", "low", "close", "volume"):
        assert records[column].tolist() == expected[column].tolist(), column
    assert str(reading).startswith(f"read as {said}")


def test_every_layout_can_be_named_and_none_else():
    assert tuple(dict.fromkeys(layout.name for layout in LAYOUTS)) == FILE_FORMATS


@pytest.mark.parametrize("case", CASES)
def test_a_layout_that_is_named_is_the_one_that_is_recognised_or_refused(case, write):
    said, name, content = CASES[case]
    layout = said.partition(",")[0]
    path = write(content, name)
    recognised, _ = read(path)
    named, reading = read(path, layout=layout)
    pd.testing.assert_frame_equal(named, recognised)
    assert reading.layout == layout
    for other in ("kraken", "coinapi", "metatrader"):
        if other != layout:
            assert f"is not in the layout '{other}'" in refusal(path, layout=other)


# -- what is said ----------------------------------------------------------------------------


def said_of(case: str, write) -> str:
    _, name, content = CASES[case]
    return str(read(write(content, name))[1])


def test_what_is_turned_round_skipped_left_out_or_assumed_is_said(write):
    assert "newest first, and so sorted" in said_of("coinbase, json", write)
    assert "2 rows without any price are gaps (line 13, 14)" in said_of(
        "kaggle, bitstamp minutes", write
    )
    assert "an address on the first line" in said_of("cryptodatadownload", write)
    assert "left out: 'Volume USD'" in said_of("cryptodatadownload", write)
    assert "times without a zone are UTC" in said_of("cryptodatadownload, dates", write)
    assert "times without a zone are ASSUMED to be UTC" in said_of("metatrader, semicolons", write)
    assert "'ended_at' is the end of a bar" in said_of("ends of bars", write)


def test_the_log_says_how_a_file_was_read(write, caplog):
    caplog.set_level("INFO")
    read(write(CASES["kraken"][2], "kraken.csv"))
    assert "kraken.csv: read as kraken, seconds" in caplog.text


# -- guesses that would be wrong ---------------------------------------------------------------


def own(**columns) -> str:
    return KNOWN.assign(**columns).rename(columns={"ts": "timestamp"}).to_csv(index=False)


def test_two_units_in_one_file_are_refused_where_the_source_writes_one(write):
    mixed = KNOWN["ts"].where(KNOWN.index != 5, KNOWN["ts"] * 1000)
    assert "is in milliseconds, that of most rows in seconds: 1 row: line 7" in refusal(
        write(own(ts=mixed))
    )


def test_a_binance_archive_may_go_from_milliseconds_to_microseconds(write):
    early, late = binance(1000).splitlines(), binance(10**6).splitlines()
    records, reading = read(write(b"\n".join([*early[:20], *late[20:]])))
    assert records["close"].tolist() == KNOWN["close"].tolist()
    assert str(reading).startswith("read as binance-vision, ")
    assert "milliseconds" in reading.times
    assert "microseconds" in reading.times


@pytest.mark.parametrize("ts", ["1", "20250301", "45717.5", "17407980000", "1e25", "-1740798000"])
def test_a_time_that_is_plausible_in_no_unit_is_refused(write, ts):
    text = refusal(write(f"timestamp,open,high,low,close,volume\n{ts},1,1,1,1,0\n"))
    assert "before 1973 or after 2100, whatever its unit" in text


def test_a_nanosecond_beside_the_grid_is_seen(write):
    late = (KNOWN["ts"] * 10**9).where(KNOWN.index != 5, KNOWN["ts"] * 10**9 + 1)
    text = refusal(write(own(ts=late)))
    assert "not on the grid of 60 s: 1 row: line 7" in text


def test_bars_that_say_to_be_longer_are_refused(write):
    rows = [line.split(b",") for line in binance(1000).splitlines()]
    for row in rows:
        row[6] = str(int(row[0]) + 299_999).encode()
    text = refusal(write(b"\n".join(map(b",".join, rows))))
    assert "no candles of 60 s: their rows end 300 s after they begin: 38 rows: line 1 (" in text


def test_two_columns_of_time_that_contradict_each_other_are_refused(write):
    _, name, content = CASES["cryptodatadownload"]
    shifted = content.replace(b",2025-03-01 12:05:00,", b",2025-03-01 13:05:00,")
    text = refusal(write(shifted, name))
    assert "'date' and 'unix' name two instants: 1 row" in text


def test_columns_in_no_order_in_which_candles_are_possible_are_refused(write):
    content = lines("", lambda c: [c.ts * 1000, c.high, c.open, c.close, c.low, c.volume])
    assert "its 6 columns are in no order that is known" in refusal(write(content))


def test_one_impossible_candle_does_not_change_the_order_of_the_others(write):
    rows = CASES["ccxt, csv without a header"][2].splitlines()
    time, opened, high, low, *rest = rows[3].split(b",")
    rows[3] = b",".join([time, low, high, opened, *rest])
    assert "an impossible candle" in (text := refusal(write(b"\n".join(rows))))
    assert "line 4 (" in text


def test_candles_that_never_move_read_alike_in_every_order(write):
    records, _ = read(write(lines("", lambda c: [c.ts * 1000, *[c.close] * 4, c.volume])))
    assert records["open"].tolist() == KNOWN["close"].tolist()


def test_a_column_of_words_that_tells_rows_apart_is_not_left_out(write):
    venues = np.where(KNOWN.index % 2, "kraken", "binance")
    text = refusal(write(own(exchange=venues)))
    assert "'exchange' that no candle has, with several values ('binance', 'kraken')" in text
    assert len(read(write(own(exchange="kraken")))[0]) == len(KNOWN)


def test_a_file_that_is_mostly_newest_first_names_the_rows_that_are_not(write):
    _, name, content = CASES["coinbase, csv"]
    rows = content.splitlines()
    rows[3], rows[4] = rows[4], rows[3]
    text = refusal(write(b"\n".join(rows), name))
    assert "the open time is after that of the row above: 1 row: line 5" in text


def test_a_volume_without_a_price_is_no_gap(write):
    text = own().replace(f",{KNOWN['volume'][5]}", ",3.5")
    rows = text.splitlines()
    rows[6] = f"{KNOWN['ts'][5]},,,,,3.5"
    assert "close is not a number: 1 row: line 7 (close=)" in refusal(write("\n".join(rows)))


def test_a_file_without_any_price_is_refused(write):
    path = write("timestamp,open,high,low,close,volume\n1740830400,,,,,\n1740830460,,,,,0\n")
    assert "has no price in any row" in refusal(path)


def test_several_tickers_are_several_subjects(write):
    header = [
        "Price,Close,Close,Open,Open,High,High,Low,Low,Volume,Volume",
        "Ticker" + ",A,B" * 5,
        "Datetime" + "," * 10,
    ]
    rows = [
        "2025-03-01 12:00:00+00:00,1,2,1,2,1,2,1,2,0,5",
        "2025-03-01 12:01:00+00:00,1,,1,,1,,1,,0,",
        "2025-03-01 12:02:00+00:00,1,2,1,2,1,2,1,2,0,5",
        "2025-03-01 12:03:00+00:00,1,2,1,2,1,2,1,2,0,5",
    ]
    feed = FileFeed(write("\n".join([*header, *rows])), subjects="AB", granularity_seconds=60)
    records = feed.records(["A", "B"], PAST, FUTURE)
    assert records["subject"].tolist() == ["A", "A", "A", "A", "B", "B", "B"]
    assert "1 row without any price is a gap (line 5)" in str(feed.reading())


# -- zones ------------------------------------------------------------------------------------


def local() -> bytes:
    return lines(
        "timestamp,open,high,low,close,volume",
        lambda c: [at(c.ts, "%Y-%m-%d %H:%M:%S"), *ohlcv(c)],
    )


def test_times_without_a_zone_are_refused_until_it_is_named(write):
    path = write(local())
    text = refusal(path)
    assert "the open time has no time zone: 38 rows: line 2 (timestamp=2025-03-01 12:00:00)" in text
    assert "--time-zone" in text
    in_new_york, reading = read(path, time_zone="America/New_York")
    assert in_new_york["ended_at"].iloc[0] == datetime(2025, 3, 1, 17, 1, tzinfo=UTC)
    assert "dates and times of America/New_York" in str(reading)


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>", "%Y%m%d;%H%M%S"),
        ("<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>", "%Y%m%d;%H%M"),
        ("", "%Y%m%d %H%M%S"),
    ],
)
def test_dates_without_signs_want_their_zone_named(write, header, form):
    content = lines(header, lambda c: [*at(c.ts, form).split(";"), *ohlcv(c)], separator=";")
    path = write(content)
    assert "the open time has no time zone: 38 rows" in refusal(path)
    records, reading = read(path, time_zone="UTC")
    assert records["ended_at"].iloc[0] == datetime(2025, 3, 1, 12, 1, tzinfo=UTC)
    assert "dates and times without signs of UTC" in str(reading)


def test_a_zone_that_would_change_nothing_is_refused(write):
    for case in ("kraken", "tradingview, iso"):
        _, name, content = CASES[case]
        text = refusal(write(content, name), FeedConfigurationError, time_zone="Europe/Athens")
        assert "would change nothing" in text


def test_the_clock_of_a_broker_can_be_named(write):
    _, name, content = CASES["metatrader 5, tabs"]
    records, reading = read(write(content, name), time_zone="Europe/Athens")
    assert records["ended_at"].iloc[0] == datetime(2025, 3, 1, 10, 1, tzinfo=UTC)
    assert "ASSUMED" not in str(reading)


def test_an_hour_that_clocks_show_twice_or_never_is_refused(write):
    rows = "timestamp,open,high,low,close,volume\n2025-10-26 03:30:00,1,1,1,1,0\n"
    text = refusal(write(rows), time_zone="Europe/Athens")
    assert "the clocks of Europe/Athens show the open time twice or never: 1 row: line 2" in text
    assert "cannot be read" not in text
