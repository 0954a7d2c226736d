import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.metrics import summary
from coordinator_pipelines.domain.metrics.brier import brier_probability_up
from coordinator_pipelines.domain.metrics.position_return import position_return

VALUES = st.lists(st.floats(-2, 2), min_size=1, max_size=60)


def test_brier_is_one_for_certainty_that_was_right_and_zero_for_certainty_that_was_wrong():
    assert brier_probability_up([1.0, 0.0, 1.0, 0.5], [1, 0, 0, 1]).tolist() == [1, 1, 0, 0.75]


@given(st.floats(0, 1), st.floats(0, 1))
def test_nothing_beats_the_honest_probability_in_expectation(belief, answer):
    def expected(p_up):
        up, down = brier_probability_up([p_up, p_up], [1, 0])
        return belief * up + (1 - belief) * down

    assert expected(belief) >= expected(answer) - 1e-12


def test_a_short_position_gains_what_the_price_loses():
    assert position_return(0.0, 200.0, 190.0) == pytest.approx(0.05, rel=1e-12)
    assert position_return(0.5, 200.0, 190.0) == 0


@settings(max_examples=60)
@given(VALUES, st.integers(1, 7))
def test_buckets_add_up_to_what_all_values_say_at_once(values, size):
    buckets = [np.array(values[i : i + size]) for i in range(0, len(values), size)]
    n = [len(bucket) for bucket in buckets]
    total = [bucket.sum() for bucket in buckets]
    squares = [((bucket - bucket.mean()) ** 2).sum() for bucket in buckets]

    combined = float(summary.combine_squares(n, total, squares))

    spread = float(summary.volatility(len(values), combined))
    assert float(summary.mean(sum(n), sum(total))) == pytest.approx(np.mean(values), abs=1e-12)
    if len(values) > 1:
        assert spread == pytest.approx(np.std(values), rel=1e-12, abs=1e-12)


def test_constant_gains_have_no_sharpe_ratio_however_they_are_bucketed():
    values = np.full((3, 7), 0.1)
    total = values.sum(axis=1)
    squares = summary.combine_squares([7, 7, 7], total, [0.0, 1e-33, 0.0])
    deviation = summary.volatility(21, squares)

    assert np.isnan(summary.sharpe_like(summary.mean(21, total.sum()), deviation))


def test_one_value_has_a_mean_but_no_volatility_and_no_sharpe_ratio():
    assert float(summary.mean(1, 0.0001)) == 0.0001
    assert np.isnan(summary.volatility(1, 0.0))
    assert np.isnan(summary.sharpe_like(0.0001, summary.volatility(1, 0.0)))


def test_minute_variation_is_divided_by_the_floor():
    assert float(summary.sharpe_like(1e-9, 1e-9)) == pytest.approx(1e-3)


def test_wealth_is_the_product_of_returns_and_ruin_is_final():
    returns = np.array([0.1, -0.5, 0.2])
    assert float(summary.wealth(3, np.log1p(returns).sum(), 0)) == pytest.approx(1.1 * 0.5 * 1.2)
    assert float(summary.wealth(4, 900.0, 1)) == 0.0


def test_wealth_beyond_a_double_is_missing_rather_than_infinite():
    assert np.isnan(summary.wealth(2000, 2000 * np.log(2), 0))


def test_without_values_every_statistic_is_missing_and_none_is_zero():
    nothing = [
        summary.mean(0, 0.0),
        summary.volatility(0, 0.0),
        summary.wealth(0, 0.0, 0),
        summary.hit_rate(0, 0),
    ]
    assert np.isnan(nothing).all()
