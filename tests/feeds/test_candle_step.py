"""Bars of another length than the feed's: refused, since their closes would be dated too early."""

import pandas as pd
import pytest

from coordinator_pipelines.domain.values.errors import FeedDataError
from coordinator_pipelines.feeds.binance.klines import read_klines
from tests.feeds.conftest import make_candles
from tests.feeds.test_file_feed import read, refusal

MINUTE = 60


def spaced(count: int, minutes: int) -> pd.DataFrame:
    candles = make_candles(count, 100.0)
    return candles.assign(ts=candles["ts"].iloc[0] + MINUTE * minutes * candles.index)


@pytest.mark.parametrize("minutes", [2, 3, 5, 15, 60, 1440])
def test_candles_of_a_longer_step_are_refused_with_their_step(write, minutes):
    text = refusal(write(spaced(10, minutes)))
    assert f"no two rows are 60 s apart, the smallest step is {60 * minutes} s: 10 rows" in text
    assert "granularity_seconds" in text


def test_gaps_in_a_longer_step_do_not_hide_it(write):
    text = refusal(write(spaced(12, 5).drop(index=[2, 3, 7])))
    assert "the smallest step is 300 s: 9 rows" in text


@pytest.mark.parametrize("granularity", [120, 300])
def test_every_granularity_is_held_to_its_own_step(write, granularity):
    text = refusal(write(spaced(10, 60)), granularity_seconds=granularity)
    assert f"no two rows are {granularity} s apart, the smallest step is 3600 s" in text


def test_one_symbol_of_another_step_refuses_the_file(write):
    fine, coarse = spaced(10, 1).assign(symbol="BTC"), spaced(10, 3).assign(symbol="ETH")
    text = refusal(write(pd.concat([fine, coarse])))
    assert "no two rows of ETH are 60 s apart, the smallest step is 180 s: 10 rows: line 12" in text


def test_a_stretch_of_another_step_is_found_beside_minutes(write):
    fine, coarse = spaced(10, 1), spaced(40, 5)
    later = coarse.assign(ts=coarse["ts"] + 3600)
    text = refusal(write(pd.concat([fine, later])))
    assert "rows that are 300 s apart, 20 or more in a row: 40 rows: line 12" in text


def test_minutes_with_many_gaps_are_minutes(write):
    candles = spaced(400, 1)
    kept = candles[(candles.index % 7 != 3) & (candles.index % 11 > 4)]
    assert len(read(write(kept))) == len(kept)


def test_one_candle_has_no_step(write):
    assert len(read(write(spaced(1, 1)))) == 1


def test_an_answer_of_another_interval_that_claims_to_be_of_this_one_is_refused():
    def row(opened: int) -> str:
        closed = opened + 59_999
        return f'[{opened},"1","1","1","1","0",{closed},"0",1,"0","0","0"]'

    rows = ",".join(row(1_740_798_000_000 + 300_000 * k) for k in range(30))
    with pytest.raises(FeedDataError, match="candles of another interval"):
        read_klines(f"[{rows}]".encode(), "BTCUSDT", 60, 0, 2**33)
