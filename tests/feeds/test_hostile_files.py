"""Files that are no files, too large, or full of what no message should repeat."""

import gzip
import io
import json
import os
import socket
import zipfile
from datetime import UTC, datetime

import pytest

from coordinator_pipelines.domain.values.errors import (
    FeedConfigurationError,
    FeedDataError,
    FeedError,
)
from coordinator_pipelines.feeds.candles import packed
from coordinator_pipelines.feeds.file import FileFeed

PAST, FUTURE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
HEADER = "ts,open,high,low,close,volume"
SCREEN = 5_000
"""Characters: 24 lines of 200."""


def refusal(path, error=FeedError, subjects=("BTC",)) -> str:
    with pytest.raises(error) as caught:
        FileFeed(path, subjects=subjects, granularity_seconds=60).records(
            list(subjects), PAST, FUTURE
        )
    text = str(caught.value)
    assert len(text) < SCREEN
    assert len(text.splitlines()) <= 15
    assert text.endswith("docs/feeds.md says what a file of candles may be.")
    assert text.replace("\n", "").isprintable()
    return text


def archive(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


# -- no regular file ------------------------------------------------------------------------


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    for name in ("prices.csv", "prices.csv.gz", "prices.zip", "prices.json"):
        os.mkfifo(tmp_path / name)
        assert "is no regular file" in refusal(tmp_path / name, FeedConfigurationError)


def test_devices_directories_and_what_they_are_linked_to_are_refused(tmp_path):
    targets = {"zero.csv": "/dev/zero", "null.csv": "/dev/null", "folder.csv": str(tmp_path)}
    for name, target in targets.items():
        (tmp_path / name).symlink_to(target)
        text = refusal(tmp_path / name, FeedConfigurationError)
        assert "is no regular file" in text or "is a directory" in text


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its address must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("prices.csv")
        refusal(tmp_path / "prices.csv", FeedConfigurationError)


# -- too large, or packed in a way that is no good --------------------------------------------


@pytest.fixture
def small_bound(monkeypatch) -> int:
    """Files may hold 100 kB, so that the test need not write a thousand times as much."""
    monkeypatch.setattr(packed, "LARGEST", 100_000)
    return 100_000


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz", "prices.zip"])
def test_what_is_too_large_is_refused_once_it_is_unpacked_so_far(write, small_bound, name):
    bomb = f"{HEADER}\n".encode() + b"0" * 100 * small_bound
    pack = {"prices.csv.gz": gzip.compress, "prices.zip": lambda data: archive(**{"a.csv": data})}
    content = pack.get(name, bytes)(bomb)
    assert name == "prices.csv" or len(content) < small_bound
    assert "holds more than 0 MB" in refusal(write(content, name), FeedDataError)


def test_an_archive_holds_one_table(write):
    row = f"{HEADER}\n1735689600,1,1,1,1,0\n".encode()
    many = {f"XBTUSD_{minutes}.csv": row for minutes in range(300)}
    text = refusal(write(archive(**many), "kraken.zip"), FeedDataError)
    assert "holds 300 tables ('XBTUSD_0.csv', " in text
    assert "and 288 more" in text
    assert "no table of candles" in refusal(write(archive(**{"read.me": row}), "a.zip"))
    assert "an empty file" in refusal(write(archive(**{"a.csv": b""}), "a.zip"))
    beside = {"folder/a.csv": row, "__MACOSX/folder/._a.csv": b"junk", "a.csv.CHECKSUM": b"ab"}
    feed = FileFeed(write(archive(**beside), "mac.zip"), subjects=["BTC"], granularity_seconds=60)
    assert len(feed.records(["BTC"], PAST, FUTURE)) == 1


def test_damaged_archives_are_refused(write):
    whole = archive(**{"a.csv": f"{HEADER}\n1735689600,1,1,1,1,0\n".encode() * 50})
    assert "is not a zip archive" in refusal(write(b"ts,open", "a.zip"))
    assert "damaged zip archive" in refusal(write(whole[:-30], "a.zip"))
    broken = bytearray(whole)
    broken[45] ^= 0xFF
    assert "damaged zip archive" in refusal(write(bytes(broken), "a.zip"))


# -- nothing that is shown is long ------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "x" * 2_400_000,
        ",".join(f"column{k}" for k in range(300_000)) + "\n1\n",
        ",".join("x" * 900 for _ in range(8)) + "\n" + ",".join("1" * 8) + "\n",
        f"{HEADER}\n" + "1735689600,1,1,1,1," + "9" * 2_000_000 + "x\n",
        f"{HEADER}\n" + "y" * 2_000_000,
        f"{HEADER}\n" + "z," * 1_000_000,
        f"{HEADER},symbol\n"
        + "".join(f"{1735689600 + 60 * k},1,1,1,1,0,{'S' * 200}{k}\n" for k in range(2000)),
        f"{HEADER},symbol\n" + f"1735689600,1,1,1,1,0,\x1b[31m{'e' * 500}\n" * 3,
        f"{HEADER},venue\n"
        + "".join(f"{1735689600 + 60 * k},1,1,1,1,0,{'v' * 400}{k}\n" for k in range(500)),
        "1,2\x07,3\n" * 50,
        "\n".join(["ts,open,high,low,close,volume,symbol"] + [
            f"{1735689600 + 300 * k},1,1,1,1,0,S{s}" for s in range(400) for k in range(3)
        ]),
    ],
    ids=lambda content: content[:12],
)  # fmt: skip
def test_a_message_is_never_longer_than_a_screen(write, content):
    refusal(write(content))


@pytest.mark.parametrize(
    "said",
    [
        "[" * 100_000,
        '{"a": ' * 100_000,
        "nonsense" * 100_000,
        "{}", "[]", "7", "null", '{"data": {"a": [], "b": "x"}}',
        json.dumps([["x" * 100_000] * 6] * 5),
        json.dumps([[1735689600, 1, 1, 1, 1, 0], [1, ["deep"] * 9], [{"a": "b" * 90_000}]]),
        json.dumps({"a": [[1, 2]], "b": [[1, 2]]}),
        json.dumps([{"time": 1735689600, "open": {}, "high": [], "low": True, "close": None,
                     "volume": 0}]),
        "[[" + "9" * 5000 + ",1,1,1,1,1]]",
        json.dumps([[10**30, 1, 1, 1, 1, 1]]),
    ],
    ids=lambda said: said[:12],
)  # fmt: skip
def test_json_of_any_shape_is_refused_with_a_short_message(write, said):
    refusal(write(said, "prices.json"))


def test_subjects_that_are_not_there_are_few_in_the_message(write):
    rows = "".join(f"{1735689600 + 60 * k},1,1,1,1,0,S{s}\n" for s in range(500) for k in range(2))
    text = refusal(write(f"{HEADER},symbol\n{rows}"), FeedConfigurationError)
    assert "it has 'S0', 'S1', " in text
    assert "and 488 more" in text
