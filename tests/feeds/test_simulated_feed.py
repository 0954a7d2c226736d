"""The simulated provider: one path per seed and subject, the same from wherever it is read."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.simulated import SimulatedFeed

START = datetime(2025, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
YEAR_MINUTES = 365 * 1440
GOLDEN = [
    ["BTC", 45384.0, 45384.0, 45351.0, 45369.0, 11.02176],
    ["BTC", 45369.0, 45397.0, 45369.0, 45377.0, 65.89121],
    ["BTC", 45377.0, 45406.0, 45377.0, 45406.0, 11.30439],
    ["ETH", 60255.0, 60275.0, 60246.0, 60271.0, 3.69431],
    ["ETH", 60271.0, 60276.0, 60226.0, 60226.0, 2.41745],
    ["ETH", 60226.0, 60231.0, 60208.0, 60208.0, 7.96839],
]
GOLDEN_HOURS = [54281.22, 54309.74, 63585.16, 65497.5, 65138.04]


def simulated(granularity_seconds=60, subjects=("BTC",), **settings) -> SimulatedFeed:
    return SimulatedFeed(
        **{"seed": 7, "granularity_seconds": granularity_seconds, "subjects": subjects, **settings}
    )


def closes(feed: SimulatedFeed, start=START, length=MONTH, subject="BTC") -> np.ndarray:
    return feed.records([subject], start, start + length)["close"].to_numpy()


def test_the_path_of_a_seed_never_changes():
    """Published boards were computed from these values; another path is another feed."""
    records = simulated(subjects=["BTC", "ETH"]).records(
        ["BTC", "ETH"], START, START + timedelta(minutes=3)
    )
    columns = ["subject", "open", "high", "low", "close", "volume"]
    assert records[columns].to_numpy().tolist() == GOLDEN


def test_the_path_of_a_long_range_never_changes():
    prices = closes(simulated(3600, seed=1, tick_size=0.01), datetime(1970, 1, 1, tzinfo=UTC))
    assert prices[[0, 1, 359, 718, 719]].tolist() == GOLDEN_HOURS


@settings(max_examples=30, deadline=None)
@given(
    second=st.integers(3600, 7 * 10**9),
    before=st.integers(0, 3 * 10**5),
    granularity=st.sampled_from([1, 7, 15, 60, 3600]),
)
def test_an_instant_has_one_price_whatever_range_and_bar_is_asked(second, before, granularity):
    at = datetime.fromtimestamp(second // granularity * granularity, UTC)
    after = at + timedelta(seconds=1)
    wide = simulated(granularity).records(["BTC"], at - timedelta(seconds=before), after)
    alone = simulated(granularity).records(["BTC"], at, after)
    fine = simulated(1).records(["BTC"], at, after)
    assert wide["close"].iloc[-1] == alone["close"].item() == fine["close"].item()
    assert wide.iloc[-1].to_dict() == alone.iloc[0].to_dict()


def test_bars_chain_and_coarse_bars_agree_with_fine_ones():
    minutes = simulated(60).records(["BTC"], START, START + MONTH)
    assert (minutes["open"].iloc[1:].to_numpy() == minutes["close"].iloc[:-1].to_numpy()).all()
    hours = simulated(3600).records(["BTC"], START, START + MONTH)
    on_the_hour = minutes[minutes["ended_at"].isin(hours["ended_at"])]
    assert on_the_hour["close"].tolist() == hours["close"].tolist()


def test_one_second_bars_are_sound():
    bars = simulated(1).records(["BTC"], START, START + timedelta(minutes=10))
    assert len(bars) == 600
    assert (bars["high"] == bars[["open", "close"]].max(axis=1)).all()


def test_no_minute_is_missing_anywhere():
    for year in (1970, 2000, 2038, 2262, 2900):
        start = datetime(year, 1, 1, tzinfo=UTC)
        assert len(simulated().records(["BTC"], start, start + timedelta(days=1))) == 1440


def test_every_record_is_labelled_simulated():
    feed = simulated()
    assert feed.simulated
    assert feed.source == "simulated"
    assert set(feed.records(["BTC"], START, START + MONTH)["source"]) == {"simulated"}


@pytest.mark.parametrize("volatility", [0.3, 0.6, 1.5])
def test_the_volatility_is_the_one_asked_for(volatility):
    prices = closes(simulated(annual_volatility=volatility, tick_size=0.01), length=6 * MONTH)
    for step in (1, 60, 1440):
        returns = np.diff(np.log(prices[::step]))
        measured = returns.std() * np.sqrt(YEAR_MINUTES / step)
        assert measured == pytest.approx(volatility, rel=0.2)
        assert abs(returns.mean()) < 4 * returns.std() / np.sqrt(len(returns))


def test_some_minutes_are_ties_with_the_default_tick():
    prices = closes(simulated())
    assert 0.003 < (np.diff(prices) == 0).mean() < 0.05


def test_neighbouring_returns_are_unrelated():
    returns = np.diff(np.log(closes(simulated(tick_size=0.01))))
    for lag in (1, 2, 5, 64):
        assert abs(np.corrcoef(returns[:-lag], returns[lag:])[0, 1]) < 0.03


def test_decades_do_not_drift():
    feed = simulated(86400)
    prices = closes(feed, datetime(1970, 1, 2, tzinfo=UTC), timedelta(days=365 * 120))
    assert 60000 / 4 < prices.min() < prices.max() < 60000 * 4
    assert np.median(prices) == pytest.approx(60000, rel=0.1)


def test_subjects_and_seeds_have_unrelated_paths():
    feed = simulated(subjects=["BTC", "ETH"])
    btc = np.diff(np.log(closes(feed)))
    others = closes(feed, subject="ETH"), closes(simulated(seed=8)), closes(simulated(seed=70))
    for other in others:
        assert abs(np.corrcoef(btc, np.diff(np.log(other)))[0, 1]) < 0.03


def test_the_other_subjects_of_a_feed_change_nothing():
    both = simulated(subjects=["BTC", "ETH"]).records(["ETH", "BTC"], START, START + MONTH)
    alone = simulated().records(["BTC"], START, START + MONTH)
    pd.testing.assert_frame_equal(both[both["subject"] == "BTC"], alone)


@pytest.mark.parametrize("tick", [1.0, 0.5, 0.01, 0.00001, 25.0])
def test_prices_are_multiples_of_the_tick(tick):
    prices = closes(simulated(tick_size=tick), length=timedelta(hours=2))
    steps = prices / tick
    assert np.allclose(steps, np.rint(steps), rtol=0, atol=1e-4)
    assert all(len(repr(price)) <= 12 for price in prices.tolist())


def test_the_price_never_reaches_zero():
    feed = simulated(start_price=1.0, tick_size=1.0, annual_volatility=100.0)
    bars = feed.records(["BTC"], START, START + MONTH)
    assert bars["low"].min() >= 1.0
    assert np.isfinite(bars["high"]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"tick_size": 0.0},
        {"tick_size": -1.0},
        {"start_price": 0.5},
        {"start_price": float("inf")},
        {"tick_size": float("nan")},
        {"annual_volatility": 0.0},
        {"annual_volatility": 101.0},
        {"subjects": []},
        {"granularity_seconds": 0},
    ],
)
def test_settings_that_make_no_path_are_refused(wrong):
    with pytest.raises(FeedConfigurationError, match="feed simulated"):
        simulated(**wrong)


@pytest.mark.parametrize("granularity", [1, 15, 60])
def test_the_bar_that_ended_last_is_there_at_once_and_the_next_one_is_not(granularity):
    feed, end = simulated(granularity), START + timedelta(seconds=granularity)
    just_before = feed.latest(["BTC"], end - timedelta(microseconds=1))
    at_once = feed.latest(["BTC"], end)
    assert [just_before["ended_at"].item(), at_once["ended_at"].item()] == [START, end]
    assert feed.records(["BTC"], end, end + timedelta(microseconds=1)).equals(at_once)
