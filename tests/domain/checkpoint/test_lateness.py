"""Whoever gains by waiting is named; whoever is only slow is not."""

import numpy as np
import pytest

from coordinator_pipelines.domain.checkpoint.lateness import FALSE_ALARMS, LATE, late_advantages
from tests.domain.checkpoint.fields import timed_field


def test_honest_fields_are_accused_at_the_stated_rate_at_most() -> None:
    """The full count: ``python -m benchmarks.fairness``."""
    rng = np.random.default_rng(20261130)
    fields = 150
    accused = sum(bool(late_advantages(*timed_field(rng, 300))) for _ in range(fields))
    # Three standard errors of a count above what is stated.
    assert accused <= fields * FALSE_ALARMS + 3 * np.sqrt(fields * FALSE_ALARMS)


def test_who_waits_for_the_market_is_named_with_the_rounds_it_gained_in() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        taken, gains, deployments, moves = timed_field(rng, 1000, seen=0.8)
        [one] = late_advantages(taken, gains, deployments, moves)
        assert (one.model, one.rounds) == (0, 1000)
        assert one.late_gain > one.early_gain
        assert one.p_value <= one.accused_below
        assert (taken[one.gaining, 0] >= LATE).all()
        over = gains[one.gaining, 0] - np.median(gains[one.gaining], axis=1)
        assert (np.diff(over) <= 0).all()


@pytest.mark.parametrize("kind", ["slow", "better when slower", "in time", "few"])
def test_slow_models_are_not_accused(kind: str) -> None:
    rng = np.random.default_rng(3)
    taken, gains, deployments, moves = timed_field(rng, 1000, seen=0.8)
    if kind == "slow":  # late in every round, by chance more or less
        taken[:, 0] = 0.8 + 0.1 * rng.random(1000)
    if kind == "better when slower":  # another deployment, larger and better
        taken[:, 0] = np.where(np.arange(1000) < 500, 0.1, 0.6) + 0.1 * rng.random(1000)
        deployments[500:, 0] = 1
        gains[500:, 0] += 0.2
    if kind == "in time":
        taken[:, 0] *= 0.2
    if kind == "few":
        taken[90:, 0] = np.nan
    assert [one.model for one in late_advantages(taken, gains, deployments, moves)] == []


def test_rounds_without_a_price_and_without_answers_are_borne() -> None:
    taken, gains, deployments, moves = timed_field(np.random.default_rng(5), 600, seen=0.95)
    unknown = np.full(600, np.nan)
    assert [one.model for one in late_advantages(taken, gains, deployments, unknown)] == [0]
    alone = slice(0, 1)
    assert late_advantages(taken[:, alone], gains[:, alone], deployments[:, alone], moves) == []
    nothing = np.empty((0, 0))
    assert late_advantages(nothing, nothing, nothing.astype(np.int64), np.empty(0)) == []
    same = np.full_like(gains, 0.5)
    assert late_advantages(taken, same, deployments, moves) == []
