import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.certainty.influence import STATISTICS, difference, estimate
from tests.domain.certainty.cases import series

PLAIN = {
    "mean": np.mean,
    "mean_return": np.mean,
    "volatility": np.std,
    "sharpe_like": lambda v: np.mean(v) / np.std(v),
    "wealth": lambda v: np.prod(1 + v),
    "hit_rate": lambda v: np.mean(v > 0),
}
VALUES = st.lists(
    st.tuples(*[st.one_of(st.none(), st.floats(-0.5, 0.5, width=16))] * 2), min_size=1, max_size=30
)


def test_every_statistic_of_a_metric_is_known():
    assert set(STATISTICS) == set(PLAIN)


@pytest.mark.parametrize("statistic", PLAIN)
@given(rows=VALUES)
@settings(max_examples=40, deadline=None)
def test_a_statistic_is_that_of_the_values_there_are_and_influences_cancel(statistic, rows):
    values = np.array(rows, dtype="float64")
    told = estimate(series(values), statistic)
    for k in range(2):
        own = values[~np.isnan(values[:, k]), k]
        varies = len(own) > 1 and np.std(own) > 1e-6
        if len(own) and (varies or statistic not in ("volatility", "sharpe_like")):
            assert told.value[k] == pytest.approx(PLAIN[statistic](own), rel=1e-9, abs=1e-12)
        elif not len(own):
            assert np.isnan(told.value[k])
    assert np.isfinite(told.influence).all()
    scale = max(1.0, np.abs(told.influence).max())
    assert np.abs(told.influence.sum(axis=0)).max() < 1e-9 * scale
    assert (told.influence[np.isnan(values)] == 0).all()


@pytest.mark.parametrize("statistic", sorted(set(PLAIN) - {"wealth"}))
def test_an_influence_is_what_a_little_more_weight_of_a_round_changes(statistic):
    values = np.random.default_rng(1).normal(0.01, 0.05, size=(40, 1))
    told = estimate(series(values), statistic)
    copies, many = 3, 2000
    for row in (0, 7, 23):
        more = np.repeat(values[row], copies)[:, None]
        heavier = np.concatenate([np.repeat(values, many, axis=0), more])
        moved = (PLAIN[statistic](heavier) - PLAIN[statistic](values)) * many / copies
        assert told.influence[row, 0] == pytest.approx(moved, rel=0.01, abs=1e-7)


def test_the_influence_on_wealth_is_its_share_of_the_growth():
    values = np.array([[0.1], [-0.05], [0.02]])
    told = estimate(series(values), "wealth")
    logs = np.log1p(values[:, 0])
    np.testing.assert_allclose(told.influence[:, 0], told.value[0] * (logs - logs.mean()))
    assert estimate(series([[0.1], [-1.5]]), "wealth").influence.tolist() == [[0.0], [0.0]]


def test_configs_are_averaged_with_equal_weights_however_many_rounds_they_have():
    values = np.array([[1.0, 1.0], [2.0, np.nan], [3.0, 5.0], [6.0, np.nan], [5.0, 3.0]])
    told = estimate(series(values, configs=2), "mean")
    assert told.value[0] == pytest.approx((3.0 + 4.0) / 2)
    assert np.isnan(told.value[1])
    assert told.influence[:, 0] == pytest.approx([-2 / 6, -2 / 4, 0.0, 2 / 4, 2 / 6])


@pytest.mark.parametrize("statistic", PLAIN)
def test_a_difference_is_over_the_rounds_that_both_have(statistic):
    values = np.random.default_rng(2).normal(0.0, 0.1, size=(50, 3))
    values[:20, 1] = np.nan
    values[40:, 2] = np.nan
    told = difference(series(values), statistic, "model-2")
    for k, shared in ((0, slice(0, 40)), (1, slice(20, 40))):
        own, other = values[shared, k], values[shared, 2]
        assert told.value[k] == pytest.approx(PLAIN[statistic](own) - PLAIN[statistic](other))
    assert told.value[2] == 0
    assert not told.influence[:, 2].any()


def test_models_without_a_common_round_have_no_difference():
    told = difference(series([[1.0, np.nan], [np.nan, 1.0]]), "mean", "model-1")
    assert np.isnan(told.value[0])
