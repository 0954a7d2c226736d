"""Whatever happens to one place of a good file: it is read as it stands, or refused."""

import csv
import hashlib
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.values.errors import FeedError
from coordinator_pipelines.feeds.file import FileFeed

GOOD = """\
symbol,ts,open,high,low,close,volume
BTC,1735689600,100.1,101,99.9,100.3,0.5
BTC,1735689660,100.3,102,100,101.7,0
BTC,1735689720,101.7,101.7,101.7,101.7,3.25
BTC,1735689840,101.6,103.00000000000001,1.5,2,1e-7
ETH,1735689600,10,11,9,10.5,7
ETH,1735689660,10.5,11,9,10.25,8
"""
NUMBER = re.compile(r"[ \t]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t]*", re.ASCII)
NUMERIC = ("ts", "open", "high", "low", "close", "volume")
PAST, FUTURE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

lines = st.integers(0, GOOD.count("\n") - 1)
cells = st.integers(0, 6)
junk = st.one_of(
    st.sampled_from(
        ["", " ", "nan", "NaN", "inf", "-1", "0", "null", "NA", "True", "1e3", "1_0", "0x1", '"',
         "'", "1,5", "\u0661", "1735689660", "1735689780", "1735689601", "1735689600000", "1e400",
         "\n", "\r", "\t", "\0", "#", "\\", "+101.7", " 101.7", "101.70", "BTC", "\ufeff", "1.5."]
    ),
    st.text(max_size=6),
    st.floats().map(repr),
    st.integers().map(str),
)  # fmt: skip


@st.composite
def corrupted(draw) -> str:
    """The good file after one accident."""
    rows = [line.split(",") for line in GOOD.splitlines()]
    line, cell = draw(lines), draw(cells)
    kind = draw(st.sampled_from(["value", "insert", "drop value", "drop", "double", "swap", "cut"]))
    if kind == "value":
        rows[line][cell] = draw(junk)
    elif kind == "insert":
        at = draw(st.integers(0, len(rows[line][cell])))
        rows[line][cell] = rows[line][cell][:at] + draw(junk) + rows[line][cell][at:]
    elif kind == "drop value":
        del rows[line][cell]
    elif kind == "drop":
        del rows[line]
    elif kind == "double":
        rows.insert(line, rows[line])
    elif kind == "swap":
        other = draw(lines)
        rows[line], rows[other] = rows[other], rows[line]
    text = "\n".join(map(",".join, rows)) + "\n"
    return text[: draw(st.integers(0, len(text)))] if kind == "cut" else text


def literal(text: str) -> pd.DataFrame:
    """What the text says, read by the plainest possible reader, for both subjects."""
    header, *rows = csv.reader(text.rstrip("\n").split("\n"))
    header = [re.sub("[^a-z]+", " ", name.lower()).split()[0] for name in header]
    cells = pd.DataFrame([dict(zip(header, row, strict=True)) for row in rows])
    for name in NUMERIC:
        assert all(NUMBER.fullmatch(value) for value in cells[name]), name
        cells[name] = [float(value) for value in cells[name]]
    return cells[cells["symbol"].isin(["BTC", "ETH"])].sort_values(
        ["symbol", "ts"], ignore_index=True
    )


def assert_sound(records: pd.DataFrame) -> None:
    prices = records[["open", "high", "low", "close"]]
    assert all(math.isfinite(value) and value > 0 for value in prices.to_numpy().ravel())
    assert (records["volume"] >= 0).all()
    assert (prices.max(axis=1) == records["high"]).all()
    assert (prices.min(axis=1) == records["low"]).all()
    assert not records.duplicated(["subject", "ended_at"]).any()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("corrupted")


def read(folder: Path, text: str) -> pd.DataFrame:
    # One name per text: files written within one tick of the file system's clock look alike.
    path = folder / f"{hashlib.sha1(text.encode()).hexdigest()}.csv"
    path.write_bytes(text.encode())
    feed = FileFeed(path, subjects=["BTC", "ETH"], granularity_seconds=60)
    return feed.records(["BTC", "ETH"], PAST, FUTURE)


def test_the_good_file_is_read_exactly(folder):
    records = read(folder, GOOD)
    assert records["high"].tolist() == [101, 102, 101.7, 103.00000000000001, 11, 11]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(text=corrupted())
def test_a_corrupted_file_is_read_as_it_stands_or_refused(folder, text):
    try:
        records = read(folder, text)
    except FeedError:
        return
    assert_sound(records)
    said = literal(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    assert records["subject"].tolist() == said["symbol"].tolist()
    assert [t.timestamp() - 60 for t in records["ended_at"]] == said["ts"].tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert records[name].tolist() == said[name].tolist()
