"""The starter challenge on a price file: whose models take part, and until when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.price_file import challenge_on_prices
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.models.roster import Roster
from tests.support.prices import closes_from, walk, write_candles

HOUR = timedelta(hours=1)


def candles(path: Path, first_bar: datetime, hours: int, **options) -> Path:
    return write_candles(path, closes_from(first_bar, walk(60 * hours + 10)), **options)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATOR_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("first_bar", "hours", "stays"),
    [
        (datetime(2018, 4, 4, 0, 1, tzinfo=UTC), 72, 24 * HOUR),
        (datetime(2025, 6, 1, 0, 1, tzinfo=UTC), 12, 5 * HOUR),
        (datetime(2031, 1, 1, 0, 1, tzinfo=UTC), 7, 2.5 * HOUR),
    ],
)
def test_who_leaves_does_so_half_way_through_the_demo_whenever_that_is(
    tmp_path: Path, first_bar: datetime, hours: int, stays: timedelta
):
    made = challenge_on_prices(candles(tmp_path / "btc.csv", first_bar, hours), "BTC", None)
    start = made.challenge.start
    assert made.challenge.models_file.parent.name == made.challenge.name
    (tmp_path / "models.yaml").write_text(made.models)
    memberships = Roster.load(tmp_path / "models.yaml").memberships(start).set_index("model_id")
    assert len(memberships) == 9
    assert (memberships["joined_at"] == start).all()
    left = memberships["left_at"].dropna()
    assert left.to_dict() == {"leaver": start + stays}


def test_the_models_are_those_of_the_starter(tmp_path: Path):
    first_bar = datetime(2018, 4, 4, 0, 1, tzinfo=UTC)
    made = challenge_on_prices(candles(tmp_path / "btc.csv", first_bar, 7), "BTC", None)
    (tmp_path / "models.yaml").write_text(made.models)
    roster = Roster.load(tmp_path / "models.yaml")
    assert all((member.directory / "main.py").is_file() for member in roster.members)


def test_the_one_symbol_of_a_file_need_not_be_named(tmp_path: Path):
    first_bar = datetime(2018, 4, 4, 0, 1, tzinfo=UTC)
    path = candles(tmp_path / "btc.csv", first_bar, 7, symbol="BTC/USD")
    made = challenge_on_prices(path, "BTC", None)
    assert made.challenge.feed.subjects == {"BTC": "BTC/USD"}
    assert made.challenge.feed.format == "generic"
    with pytest.raises(FeedConfigurationError, match="has no symbol 'ETH': it has 'BTC/USD'"):
        challenge_on_prices(path, "BTC", "ETH")
