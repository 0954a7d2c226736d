"""Stacking by log scores: the optimum of a reference, whatever the order, one answer for copies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from coordinator_pipelines.domain.ensemble.linear_pool import RIDGE, pool_weights


def likelihoods(rounds, models, seed):
    """Of models that know a little, too little, or the wrong way round."""
    source = np.random.default_rng(seed)
    up = source.random(rounds) < 0.5
    knows = source.uniform(-0.1, 0.4, models) * np.where(up, 1, -1)[:, None]
    said = np.clip(0.5 + knows + source.normal(0, 0.1, (rounds, models)), 0.02, 0.98)
    return np.where(up[:, None], said, 1 - said)


def objective(table, weights):
    return np.log(table @ weights).mean() - RIDGE / 2 * weights @ weights


@pytest.mark.parametrize("models", [2, 7, 45])
def test_weights_are_the_optimum_that_a_general_solver_finds(models):
    table = likelihoods(400, models, models)
    ours = pool_weights(table)
    found = minimize(
        lambda weights: -objective(table, weights), np.full(models, 1 / models), method="SLSQP",
        bounds=[(0, 1)] * models, options={"ftol": 1e-14, "maxiter": 1000},
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
    )  # fmt: skip
    assert objective(table, ours) >= -found.fun - 1e-9
    np.testing.assert_allclose(ours, found.x, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 30), st.integers(1, 12), st.integers(0, 2**31), st.floats(0, 0.5), st.booleans()
)
def test_nobody_could_be_given_more_to_advantage(rounds, models, seed, missing, extreme):
    """The gradient is largest where weights are: the condition of Karush, Kuhn and Tucker."""
    source = np.random.default_rng(seed)
    table = source.random((rounds, models))
    table = table**30 if extreme else table
    table[source.random(table.shape) < missing] = np.nan
    weights = pool_weights(table)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    order = source.permutation(models)
    np.testing.assert_allclose(pool_weights(table[:, order]), weights[order], atol=2e-5)
    np.testing.assert_allclose(pool_weights(table[::-1]), weights, atol=2e-5)
    if not missing and not extreme:
        gain = (table / (table @ weights)[:, None]).mean(axis=0) - RIDGE * weights
        assert gain.max() - gain @ weights < 1e-3


def test_copies_share_what_one_of_them_has():
    table = likelihoods(300, 4, 1)
    alone, copied = pool_weights(table), pool_weights(np.hstack([table, table[:, :1]]))
    assert copied[0] == pytest.approx(copied[-1], abs=1e-5)
    assert copied[0] + copied[-1] == pytest.approx(alone[0], abs=1e-3)


def test_rounds_that_tell_nothing_count_for_nothing():
    table = likelihoods(50, 3, 2)
    silent = np.full((20, 3), np.nan)
    impossible = np.zeros((20, 3))
    same = pool_weights(np.vstack([table, silent, impossible]))
    np.testing.assert_array_equal(same, pool_weights(table))
    assert pool_weights(silent).tolist() == [1 / 3] * 3


def test_a_single_impossible_outcome_does_not_rule_a_model_out():
    table = np.tile([[0.9, 0.5]], (200, 1))
    table[0, 0] = 0.0
    assert pool_weights(table)[0] > 0.9
