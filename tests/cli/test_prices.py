"""``prices inspect``: what is in files of candles, what would be taken, and whether two agree."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.command import Commands
from tests.support.prices import closes_from, walk, write_candles

FIRST_BAR = datetime(2025, 6, 1, 0, 1, tzinfo=UTC)
PRICES = walk(600)


def candles(path: Path, *, late: timedelta = timedelta(0), **options) -> Path:
    return write_candles(path, closes_from(FIRST_BAR + late, PRICES), **options)


def test_a_file_is_told_by_layout_range_and_gaps(coordinator: Commands):
    start = int(FIRST_BAR.timestamp())
    missing = [start + 60 * k for k in (5, 6, 7, 90)]
    candles(coordinator.directory / "btc.csv", missing=missing)
    said = coordinator.succeed("prices", "inspect", "btc.csv")
    assert "layout      generic" in said
    assert "times       seconds" in said
    assert "candles   596, 60 s apart" in said
    assert "range     2025-06-01 00:00 to 2025-06-01 10:00 UTC" in said
    assert "missing   4 in 2 gaps, the longest: 3 from 2025-06-01 00:05; 1 from" in said
    assert "All 596 candles would be taken by a feed with granularity_seconds: 60." in said
    assert "demo --prices btc.csv" in said
    assert not coordinator.home.exists()


def test_what_would_be_refused_is_told_with_what_is_known(coordinator: Commands):
    path = candles(coordinator.directory / "btc.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[9]]))
    result = coordinator.run("prices", "inspect", "btc.csv")
    assert result.status == 1
    assert "range     2025-06-01 00:00 to 2025-06-01 10:00 UTC" in result.said
    assert "repeated  1" in result.said
    assert "Nothing of it would be taken. btc.csv is refused" in result.said
    assert "a candle is there twice, identical: 1 row: line 602" in result.said
    assert "Traceback" not in result.said


def test_every_symbol_is_told_and_the_next_command_names_one(coordinator: Commands):
    one = candles(coordinator.directory / "one.csv", symbol="BTCUSDT").read_text()
    other = candles(coordinator.directory / "two.csv", symbol="ETHUSDT").read_text()
    (coordinator.directory / "both.csv").write_text(one + other.partition("\n")[2])
    said = coordinator.succeed("prices", "inspect", "both.csv")
    assert "symbol      'BTCUSDT'" in said
    assert "symbol      'ETHUSDT'" in said
    assert "demo --prices both.csv --symbol BTCUSDT" in said


def test_candles_of_another_length_are_told_as_what_they_are(coordinator: Commands):
    path = candles(coordinator.directory / "btc.csv")
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[::5]]))
    said = coordinator.succeed("prices", "inspect", "btc.csv")
    assert "taken by a feed with granularity_seconds: 300" in said
    assert "demo" not in said
    refused = coordinator.run("prices", "inspect", "btc.csv", "--granularity", "60")
    assert refused.status == 1
    assert "these are no candles of 60 s" in refused.said


def test_a_file_in_no_layout_is_one_message(coordinator: Commands):
    (coordinator.directory / "notes.csv").write_text("hello\nworld\n")
    said = coordinator.refuse("prices", "inspect", "notes.csv")
    assert "has no commas, semicolons, tabs or bars between values" in said
    assert "docs/feeds.md" in said


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (timedelta(0), "600 closes at the same instants, 0.0000% apart"),
        (timedelta(minutes=1), "they only fit if the second is 0:01:00 earlier"),
        (timedelta(minutes=-1), "they only fit if the second is 0:01:00 later"),
        (timedelta(hours=2), "they only fit if the second is 2:00:00 earlier"),
        (timedelta(hours=-5, minutes=-30), "they only fit if the second is 5:30:00 later"),
        (timedelta(days=90), "too few candles at the same instants to compare"),
    ],
)
def test_a_second_file_of_the_same_prices_shows_a_wrong_convention(
    coordinator: Commands, late: timedelta, told: str
):
    candles(coordinator.directory / "binance.csv")
    candles(coordinator.directory / "kraken.csv", late=late)
    said = coordinator.succeed("prices", "inspect", "binance.csv", "kraken.csv")
    assert f"binance.csv and kraken.csv: {told}" in said
