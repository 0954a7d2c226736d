"""``demo --prices`` on files that cannot be used: refused before anything is written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.command import Commands
from tests.support.prices import closes_from, walk, write_candles

FIRST_BAR = datetime(2025, 6, 1, 0, 1, tzinfo=UTC)


def candles(path: Path, minutes: int, **options) -> Path:
    return write_candles(path, closes_from(FIRST_BAR, walk(minutes)), **options)


def untouched(coordinator: Commands) -> bool:
    """Whether the next command finds things as if this one had not been."""
    return (
        not (coordinator.home / "challenges").exists()
        and not (coordinator.home / "databases").exists()
    )


def test_a_missing_file_is_named(coordinator: Commands):
    assert "missing.csv" in coordinator.refuse("demo", "--prices", "missing.csv")
    assert untouched(coordinator)


def test_a_directory_is_not_a_price_file(coordinator: Commands):
    (coordinator.directory / "prices.csv").mkdir()
    assert "prices.csv" in coordinator.refuse("demo", "--prices", "prices.csv")
    assert untouched(coordinator)


def test_an_empty_file_is_refused(coordinator: Commands):
    (coordinator.directory / "prices.csv").write_text("")
    assert "prices.csv" in coordinator.refuse("demo", "--prices", "prices.csv")
    assert untouched(coordinator)


def test_a_file_that_is_no_table_is_refused(coordinator: Commands):
    (coordinator.directory / "prices.csv").write_bytes(bytes(range(256)) * 8)
    assert "prices.csv" in coordinator.refuse("demo", "--prices", "prices.csv")
    assert untouched(coordinator)


def test_broken_rows_are_named(coordinator: Commands):
    path = candles(coordinator.directory / "prices.csv", 400)
    lines = path.read_text().splitlines()
    lines[10] = lines[10].replace(",1.0", ",abc")
    lines[20] = ",".join([lines[20].split(",")[0], "1", "1", "2", "1", "1"])
    path.write_text("\n".join(lines))
    said = coordinator.refuse("demo", "--prices", "prices.csv")
    assert "11" in said
    assert "21" in said
    assert untouched(coordinator)


def test_a_file_that_is_too_short_says_how_much_is_needed(coordinator: Commands):
    candles(coordinator.directory / "prices.csv", 150)
    said = coordinator.refuse("demo", "--prices", "prices.csv")
    assert "too short" in said
    assert "2025-06-01 00:01 to 2025-06-01 02:30 UTC" in said
    assert untouched(coordinator)


def test_several_symbols_want_one_of_them_named(coordinator: Commands):
    one = candles(coordinator.directory / "one.csv", 400, symbol="BTCUSDT").read_text()
    other = candles(coordinator.directory / "two.csv", 400, symbol="ETHUSDT").read_text()
    both = one + other.partition("\n")[2]
    (coordinator.directory / "prices.csv").write_text(both)
    said = coordinator.refuse("demo", "--prices", "prices.csv")
    assert "has several symbols: it has 'BTCUSDT', 'ETHUSDT'" in said
    assert "--symbol" in said
    assert "Correct the subjects" not in said
    assert untouched(coordinator)


def test_a_layout_that_the_file_does_not_have_is_refused(coordinator: Commands):
    candles(coordinator.directory / "prices.csv", 400)
    said = coordinator.refuse("demo", "--prices", "prices.csv", "--format", "kraken")
    assert "is not in the layout 'kraken'" in said
    assert untouched(coordinator)


def test_a_zone_that_is_none_is_refused_by_name(coordinator: Commands):
    candles(coordinator.directory / "prices.csv", 400)
    result = coordinator.run("demo", "--prices", "prices.csv", "--time-zone", "Mars/Olympus")
    assert result.status == 2
    assert "'Mars/Olympus' is no time zone" in result.said


def test_a_symbol_that_is_not_in_the_file_is_named(coordinator: Commands):
    candles(coordinator.directory / "prices.csv", 400, symbol="BTCUSDT")
    said = coordinator.refuse("demo", "--prices", "prices.csv", "--symbol", "DOGE")
    assert "DOGE" in said
    assert "BTCUSDT" in said
    assert untouched(coordinator)


@pytest.mark.parametrize("asset", ["", "a b/../c", "[red]"])
def test_an_asset_that_is_no_name_is_refused(coordinator: Commands, asset: str):
    candles(coordinator.directory / "prices.csv", 400)
    coordinator.refuse("demo", "--prices", "prices.csv", "--asset", asset)
    assert untouched(coordinator)
