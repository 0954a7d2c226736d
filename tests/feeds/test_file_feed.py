"""The file provider: formats, columns, units, and a refusal for everything that is broken."""

import gzip
import os
import sys
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.file import FileFeed

PAST, FUTURE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def read(path, subjects=("BTC",), granularity_seconds=60) -> pd.DataFrame:
    feed = FileFeed(path, subjects=subjects, granularity_seconds=granularity_seconds)
    return feed.records(list(subjects), PAST, FUTURE)


def refusal(path, error=FeedDataError, **settings) -> str:
    with pytest.raises(error) as caught:
        read(path, **settings)
    assert str(path.name) in str(caught.value)
    return str(caught.value)


# -- formats ------------------------------------------------------------------------------


def test_a_candle_is_the_price_at_its_end(candles, write, start):
    records = read(write(candles))
    assert len(records) == 10
    first = records.iloc[0]
    assert first["ended_at"] == start + timedelta(minutes=1)
    assert first[["open", "high", "low", "close", "volume"]].tolist() == [
        100.0, 100.75, 99.5, 100.25, 0.0,
    ]  # fmt: skip
    assert first["subject"] == "BTC"
    assert first["source"] == "file:prices.csv"


def test_the_granularity_says_when_a_candle_ends(candles, write, start):
    five_minutes = candles.assign(ts=candles["ts"].iloc[0] + 300 * candles.index)
    records = read(write(five_minutes), granularity_seconds=300)
    assert records["ended_at"].iloc[0] == start + timedelta(minutes=5)


def test_a_file_feed_is_not_simulated(candles, write):
    feed = FileFeed(write(candles), subjects=["BTC"], granularity_seconds=60)
    assert not feed.simulated
    assert feed.source == "file:prices.csv"


def test_all_formats_give_the_same_records(candles, write):
    expected = read(write(candles)).drop(columns="source")
    text = candles.to_csv(index=False)
    variants = [
        write(gzip.compress(text.encode()), "prices.csv.gz"),
        write("\ufeff" + text, "bom.csv"),
        write(text.replace("\n", "\r\n"), "windows.csv"),
        write(text + "\n\n", "blank-end.csv"),
        write(text.rstrip(), "no-end.csv"),
        write(candles[candles.columns[::-1]], "order.csv"),
        write(candles.astype({"ts": float}), "float.csv"),
        write(with_open_time(candles, "%Y-%m-%dT%H:%M:%SZ"), "iso.csv"),
        write(with_open_time(candles, "%Y-%m-%d %H:%M+00:00"), "iso-space.csv"),
    ]
    for path in variants:
        pd.testing.assert_frame_equal(read(path).drop(columns="source"), expected)


def with_open_time(candles: pd.DataFrame, format_: str) -> pd.DataFrame:
    times = pd.to_datetime(candles["ts"], unit="s", utc=True).dt.strftime(format_)
    return candles.drop(columns="ts").assign(open_time=times)


def test_an_open_time_in_another_zone_is_understood(write, start):
    row = "2025-01-01T05:30:00+05:30,1,1,1,1,0"
    records = read(write(f"open_time,open,high,low,close,volume\n{row}\n"))
    assert records["ended_at"].tolist() == [start + timedelta(minutes=1)]


def test_parquet_gives_the_same_records(candles, write, tmp_path):
    pytest.importorskip("pyarrow")
    expected = read(write(candles)).drop(columns="source")
    utc = pd.to_datetime(candles["ts"], unit="s", utc=True)
    frames = {
        "ts": candles,
        "open_time": candles.drop(columns="ts").assign(open_time=utc),
        "index": candles.set_index("ts"),
        "text": candles.astype(str),
    }
    for name, frame in frames.items():
        path = tmp_path / f"{name}.parquet"
        frame.to_parquet(path)
        pd.testing.assert_frame_equal(read(path).drop(columns="source"), expected)


def test_parquet_rows_are_counted_from_one(candles, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "prices.parquet"
    candles.loc[0, "close"] = float("nan")
    candles.loc[1, "low"] = -1.0
    candles.to_parquet(path)
    text = refusal(path)
    assert "close is not finite: 1 row: row 1 (close=nan)" in text
    assert "a price is not above 0: 1 row: row 2" in text


def test_parquet_times_need_a_zone_and_whole_seconds(candles, tmp_path):
    pytest.importorskip("pyarrow")
    naive = pd.to_datetime(candles["ts"], unit="s")
    late = naive.dt.tz_localize("UTC") + pd.Timedelta(1, "ms")
    none = late.where(late.isna())
    for name, times, wrong in (
        ("naive", naive, "has no time zone"),
        ("late", late, "cannot be read"),
        ("none", none, "cannot be read"),
    ):
        path = tmp_path / f"{name}.parquet"
        candles.drop(columns="ts").assign(open_time=times).to_parquet(path)
        assert f"the open time {wrong}: 10 rows: row 1 (open_time=" in refusal(path)


def test_parquet_without_pyarrow_names_the_extra(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    text = refusal(write(b"PAR1", "prices.parquet"), FeedConfigurationError)
    assert "coordinator-pipelines[parquet]" in text


def test_a_damaged_parquet_file_is_refused(candles, write, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "prices.parquet"
    candles.to_parquet(path)
    assert "not a sound Parquet file" in refusal(write(path.read_bytes()[:-9], path.name))
    assert "not a sound Parquet file" in refusal(write("ts,open", path.name))
    candles.iloc[:0].to_parquet(path)
    assert "no candles" in refusal(path)


# -- subjects -----------------------------------------------------------------------------


def test_a_file_with_symbols_gives_each_its_own(two_subjects, write):
    path = write(two_subjects)
    assert read(path, ["ETH"])["subject"].unique().tolist() == ["ETH"]
    assert len(read(path, ["BTC", "ETH"])) == 236


def test_rows_may_be_in_order_of_time_or_of_symbol(two_subjects, write):
    by_time = two_subjects.sort_values("ts", kind="stable")
    pd.testing.assert_frame_equal(
        read(write(by_time), ["BTC", "ETH"]), read(write(two_subjects), ["BTC", "ETH"])
    )


def test_a_symbol_that_is_not_in_the_file_names_those_that_are(two_subjects, write):
    text = refusal(write(two_subjects), FeedConfigurationError, subjects=["BTCUSDT"])
    assert "no subject 'BTCUSDT'; it has 'BTC', 'ETH'" in text


def test_a_file_without_symbols_holds_one_subject(candles, write):
    text = refusal(write(candles), FeedConfigurationError, subjects=["BTC", "ETH"])
    assert "no symbol column and so holds one subject" in text


def test_numeric_symbols_stay_as_they_are_written(candles, write):
    assert read(write(candles.assign(symbol="007")), ["007"])["subject"].unique() == ["007"]


def test_settings_that_cannot_work_are_refused(tmp_path):
    for settings in ({"subjects": []}, {"subjects": [""]}, {"granularity_seconds": 0}):
        with pytest.raises(FeedConfigurationError):
            FileFeed(tmp_path, **{"subjects": ["BTC"], "granularity_seconds": 60, **settings})


# -- the file as a whole ------------------------------------------------------------------


def test_a_path_that_is_no_candle_file_is_a_mistake_in_the_settings(write, tmp_path):
    assert "No such file" in refusal(tmp_path / "missing.csv", FeedConfigurationError)
    assert "is a directory" in refusal(tmp_path, FeedConfigurationError)
    assert "is none of .csv, .txt, .tsv, .json, .parquet, .csv.gz" in refusal(
        write("", "prices.xlsx"), FeedConfigurationError
    )


def test_content_that_is_not_what_the_name_says_is_refused(candles, write):
    packed = gzip.compress(candles.to_csv(index=False).encode())
    assert "is gzip-compressed" in refusal(write(packed))
    assert "is not gzip-compressed" in refusal(write(candles, "prices.csv.gz"))
    assert "damaged gzip" in refusal(write(packed[:-20], "prices.csv.gz"))
    assert "damaged gzip" in refusal(write(packed[:40] + packed[41:], "prices.csv.gz"))
    assert "is a zip archive" in refusal(write(b"PK\x03\x04..."))
    assert "is UTF-16 text" in refusal(write(candles.to_csv(index=False).encode("utf-16")))


def test_text_that_is_not_utf_8_names_the_line(candles, write):
    text = candles.to_csv(index=False).encode()
    lines = text.split(b"\n")
    lines[4] += b"\xe9"
    assert "not UTF-8 text in line 5" in refusal(write(b"\n".join(lines)))
    assert "not UTF-8 text in line 2" in refusal(write(text.replace(b"100.0", b"10\x000.0")))
    assert "lone carriage return in line 3" in refusal(write(text.replace(b"101.0,", b"\r,")))


def test_a_file_without_candles_is_refused(write):
    assert "is empty" in refusal(write(""))
    assert "a header and no candles" in refusal(write("ts,open,high,low,close,volume\n"))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("ts,open,high,low,close", "lacks the column volume: its first line is its header, with"),
        ("open,high,low,close,volume", "lacks the column time"),
        ("when,opening,high,low,close,volume", "lacks the columns time, open: its first line"),
        ("ts,open,high,low,close,volume,close", "has a column twice: 'close'"),
        ("ts,open,high,low,close,volume,Close", "has a column twice: 'close'"),
        ("BTC", "line 1 ('BTC') has no commas, semicolons, tabs or bars between values"),
        ("ts;open;high;low;close;volume", "not 6 values: 1 row"),
        ("1,1735689600,1,1", "has no header, and its 4 columns are in no order that is known"),
    ],
)
def test_wrong_columns_are_named(write, header, message):
    assert message in refusal(write(f"{header}\n1735689600,1,1,1,1,0\n"))


# -- rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("open", "abc", "open is not a number: 1 row: line 5 (open=abc)"),
        ("close", "", "close is not a number: 1 row: line 5 (close=)"),
        ("close", "1_00", "close is not a number"),
        ("close", "0x64", "close is not a number"),
        ("close", "nan", "close is not"),
        ("volume", "NA", "volume is not a number"),
        ("high", "inf", "high is not finite: 1 row: line 5 (high=inf)"),
        ("low", "-inf", "low is not finite"),
        ("volume", "1e999", "volume is not finite"),
        ("low", "0", "a price is not above 0: 1 row: line 5 (open=100.75, high=101.5, low=0"),
        ("low", "-5", "a price is not above 0"),
        ("volume", "-0.5", "volume is negative: 1 row: line 5 (volume=-0.5)"),
        ("low", "100.8", "low is above open, high or close: 1 row: line 5 (open=100.75"),
        ("high", "100.9", "high is below open or close: 1 row: line 5"),
        ("ts", "1735689900", "a candle is there twice, with other values: 1 row: line 7 (ts="),
        ("ts", "1735689000", "the open time is before that of the row above: 1 row: line 5"),
        ("ts", "1735689781", "not on the grid of 60 s: 1 row: line 5 (ts=1735689781"),
        ("ts", "1735689780.5", "not on the grid of 60 s: 1 row: line 5"),
        ("ts", "1735689780.5", "Some lie between whole seconds, which are the finest here"),
        ("ts", "1735689780000", "the open time is in milliseconds, that of most rows in seconds"),
        ("ts", "17356897800", "before 1973 or after 2100, whatever its unit: 1 row: line 5"),
        ("ts", "-60", "the open time is before 1973"),
        ("ts", "2025-01-01T00:03:00Z", "the open time cannot be read: 1 row: line 5 (ts=2025"),
    ],
)
def test_a_broken_value_is_reported_with_its_line(candles, write, column, value, message):
    candles = candles.astype({column: object})
    candles.loc[3, column] = value
    text = refusal(write(candles))
    assert "refused and nothing of its 10 rows was used" in text
    assert message in text


@pytest.mark.parametrize(
    "value",
    ["2025-01-01", "2025-13-01T00:00Z", "2025-01-01T00:00:00.5Z",
     "", "2025-01-01T00:00:00 Europe/Berlin"],
)  # fmt: skip
def test_an_open_time_without_sense_is_refused(write, value):
    path = write(f"open_time,open,high,low,close,volume\n{value},1,1,1,1,0\n")
    assert "the open time cannot be read: 1 row: line 2 (open_time=" in refusal(path)


def test_seconds_divided_once_too_often_are_one_problem(candles, write):
    text = refusal(write(candles.assign(ts=candles["ts"] // 1000)))
    assert "the open time is before 1973 or after 2100, whatever its unit: 10 rows" in text
    assert "grid" not in text


def test_the_same_candle_twice_is_told_from_a_conflict(candles, write):
    text = candles.to_csv(index=False)
    last = text.splitlines()[-1]
    assert "twice, identical: 1 row: line 12 (ts=1735690140" in refusal(write(text + last))
    other = last.replace(last.split(",")[-1], "7")
    assert "twice, with other values: 1 row: line 12" in refusal(write(text + other))


def test_a_line_with_too_few_or_too_many_values_is_shown(candles, write):
    lines = candles.to_csv(index=False).splitlines()
    lines[2], lines[4], lines[6] = "1735689660,1,1", lines[4] + ",9", ""
    text = refusal(write("\n".join(lines)))
    assert "not 6 values: 3 rows: line 3 ('1735689660,1,1'); line 5 ('" in text
    assert "line 7 ('')" in text


def test_line_numbers_hold_after_a_line_with_too_few_values(candles, write):
    candles.loc[7, "volume"] = -1
    lines = candles.to_csv(index=False).splitlines()
    lines[2] = "1735689660"
    text = refusal(write("\n".join(lines)))
    assert "not 6 values: 1 row: line 3" in text
    assert "volume is negative: 1 row: line 9" in text
    assert "nothing of its 10 rows" in text


def test_quotes_around_a_whole_value_are_no_part_of_it(candles, write):
    path = write(candles.assign(symbol="BTC").to_csv(index=False).replace(",BTC", ',"BTC"'))
    assert len(read(path)) == 10
    for broken in ('"100.0"0', '10"0.0', '"100.0', '"100,0"'):
        text = candles.to_csv(index=False).replace(",100.0,", f",{broken},")
        assert "has a quote in line 2 that is no pair around a value" in refusal(write(text))


def test_an_unclear_symbol_is_reported(two_subjects, write):
    two_subjects.loc[3, "symbol"] = None
    two_subjects.loc[4, "symbol"] = "BTC "
    two_subjects.loc[5, "symbol"] = "\ufeffBTC"
    assert "symbol is empty or has blanks: 3 rows: line 5" in refusal(write(two_subjects))


def test_symbols_that_are_all_empty_are_reported(candles, write):
    assert "symbol is empty or has blanks: 10 rows: line 2" in refusal(
        write(candles.assign(symbol=""))
    )


def test_one_text_lists_every_kind_with_counts_and_first_lines(candles, write):
    candles = candles.astype({"close": object})
    candles.loc[[1, 2, 3, 4, 5], "volume"] = -1
    candles.loc[7, "close"] = "?"
    candles.loc[8, "low"] = 1e6
    mend = "Correct these rows from their source, or delete them: what is missing is a gap."
    text = refusal(write(candles))
    assert text.splitlines()[1:] == [
        "- close is not a number: 1 row: line 9 (close=?). "
        "Correct them, or delete them; numbers have a decimal point and no other marks.",
        "- volume is negative: 5 rows: line 3 (volume=-1.0); line 4 (volume=-1.0); "
        f"line 5 (volume=-1.0); and 2 more. {mend}",
        "- an impossible candle: low is above open, high or close: 1 row: line 10 (open=102.0, "
        f"high=102.75, low=1000000.0, close=102.25). {mend}",
        "docs/feeds.md says what a file of candles may be.",
    ]


def test_a_broken_row_of_another_subject_refuses_the_file_too(two_subjects, write):
    two_subjects.loc[200, "high"] = 0.5
    assert "impossible" in refusal(write(two_subjects), subjects=["BTC"])


def test_gaps_are_no_fault(candles, write):
    assert len(read(write(candles.drop(index=[3, 4])))) == 8


# -- reading again ------------------------------------------------------------------------


def test_a_file_that_has_changed_is_read_again(candles, write):
    path = write(candles)
    feed = FileFeed(path, subjects=["BTC"], granularity_seconds=60)
    assert len(feed.records(["BTC"], PAST, FUTURE)) == 10
    write(candles.iloc[:4])
    assert len(feed.records(["BTC"], PAST, FUTURE)) == 4
    changed = path.stat().st_mtime_ns + 10**9
    write(candles.iloc[1:5].assign(volume=9.0))
    os.utime(path, ns=(changed, changed))
    assert set(feed.records(["BTC"], PAST, FUTURE)["volume"]) == {9.0}


def test_making_a_feed_reads_nothing(tmp_path):
    FileFeed(tmp_path / "not-yet.csv", subjects=["BTC"], granularity_seconds=60)


def test_two_names_of_one_file_each_keep_their_own(candles, write, tmp_path):
    (tmp_path / "alias.csv").symlink_to(write(candles))
    assert set(read(tmp_path / "alias.csv")["source"]) == {"file:alias.csv"}
