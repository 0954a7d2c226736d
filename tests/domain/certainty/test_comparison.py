from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from coordinator_pipelines.domain.certainty.comparison import (
    deciding_rounds,
    diebold_mariano,
    mean_interval,
)
from tests.domain.certainty.cases import dependent


@given(st.integers(0, 2**32), st.integers(20, 300), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_the_statistic_is_that_of_the_reference(seed, n, overlap):
    """statsmodels' regression on a constant with the same variance, times the correction."""
    differences = dependent(np.random.default_rng(seed), n, 1, overlap)[:, 0] + 0.1
    told = diebold_mariano(differences, overlap)
    kernel = {"maxlags": overlap - 1, "kernel": "uniform", "use_correction": False}
    fit = OLS(differences, np.ones(n)).fit(cov_type="HAC", cov_kwds=kernel)
    correction = np.sqrt((n + 1 - 2 * overlap + overlap * (overlap - 1) / n) / n)
    if fit.bse[0] > 0:  # else the variance is not positive, and ours has falling weights
        assert told.statistic == pytest.approx(fit.tvalues[0] * correction, rel=1e-6)
    assert told.lag == overlap - 1
    assert 0 <= told.p_value <= 1


def test_a_clear_difference_is_one_and_none_is_none():
    rng = np.random.default_rng(1)
    assert diebold_mariano(rng.normal(0.5, 1.0, 400), 1).p_value < 1e-6
    assert diebold_mariano(rng.normal(0.0, 1.0, 400), 1).p_value > 0.05


@pytest.mark.parametrize("differences", [[], [0.3], [0.2, 0.2, 0.2], [0.1, 0.3]])
def test_what_does_not_vary_or_is_too_short_has_no_test(differences):
    assert diebold_mariano(np.array(differences), 2) is None


def test_a_variance_that_is_not_positive_gets_weights_that_fall():
    told = diebold_mariano(np.array([1.0, -1.0] * 10) + 0.01, 2)
    assert np.isfinite(told.statistic)


def test_an_interval_of_the_mean_says_how_long_its_blocks_are():
    differences = dependent(np.random.default_rng(2), 300, 1, 6)[:, 0]
    told = mean_interval(differences, 6, level=0.9, draws=500, seed=1)
    assert told.low < differences.mean() < told.high
    assert told.block_rounds >= 12
    assert told == mean_interval(differences, 6, level=0.9, draws=500, seed=1)
    for few in (differences[:0], differences[:1], differences[:40]):
        assert mean_interval(few, 6, level=0.9, draws=500, seed=1) is None


def test_all_rounds_decide_where_all_say_the_same():
    differences = np.random.default_rng(3).uniform(0.1, 0.3, 3000)
    assert len(deciding_rounds(differences)) == 3000
    assert len(deciding_rounds(-differences)) == 3000


@given(st.lists(st.integers(-4, 4), max_size=8))
def test_deciding_rounds_are_the_fewest_without_which_the_better_is_not(differences):
    values = np.array(differences, dtype="float64")
    told = deciding_rounds(values).tolist()
    sign = np.sign(values.sum())

    def still_better(left_out):
        return np.delete(values, list(left_out)).sum() * sign > 0

    if sign == 0:
        assert told == []
        return
    assert not still_better(told)
    fewer = (set(few) for few in combinations(range(len(values)), len(told) - 1))
    assert all(still_better(few) for few in fewer)
