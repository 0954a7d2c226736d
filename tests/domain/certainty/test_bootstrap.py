from fractions import Fraction

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.certainty.bootstrap import Bootstrap
from tests.domain.certainty.cases import dependent


def centred(columns):
    return (columns - columns.mean(axis=0)) / len(columns)


def columns_of(seed, rounds=200, count=4, **how):
    return dependent(np.random.default_rng(seed), rounds, count, **how)


def test_the_same_seed_draws_the_same_bits_whatever_is_drawn_together():
    influence = centred(columns_of(1))
    bootstrap = Bootstrap(200, 7, 300, 42)
    once = bootstrap.moves(influence)
    assert (once == bootstrap.moves(influence.copy(order="F"))).all()
    assert (once[:, [2, 0]] == bootstrap.moves(influence[:, [2, 0]])).all()
    assert (once != Bootstrap(200, 7, 300, 43).moves(influence)).mean() > 0.9


@given(seed=st.integers(0, 2**64 - 1), length=st.integers(1, 6), scale=st.floats(1e-12, 1e12))
@settings(max_examples=25, deadline=None)
def test_a_move_is_the_exact_sum_over_the_blocks_drawn(seed, length, scale):
    """Drawn again by hand, with exact numbers: the digits lost are those of one rounding."""
    rounds, draws = 32, 5
    influence = centred(columns_of(3, rounds, 1) * scale)
    blocks = rounds // length
    bits = np.random.PCG64(seed).random_raw(draws * blocks).reshape(draws, blocks)
    moves = Bootstrap(rounds, length, draws, seed).moves(influence)
    share = (rounds / (blocks * length)) ** 0.5
    largest = float(np.abs(influence).max()) * rounds
    for drawn, move in zip(bits.tolist(), moves[:, 0], strict=True):
        starts = [(bit >> 32) * rounds >> 32 for bit in drawn]
        rows = [(start + k) % rounds for start in starts for k in range(length)]
        exact = sum(Fraction(float(influence[row, 0])) for row in rows)
        assert move == pytest.approx(float(exact) * share, rel=1e-12, abs=1e-13 * largest)


def test_draws_spread_like_those_of_the_reference():
    column = columns_of(4, 300, 1, overlap=5)
    own = Bootstrap(300, 10, 4000, 9).moves(centred(column))[:, 0]
    reference = CircularBlockBootstrap(10, column[:, 0], seed=9)
    theirs = reference.apply(np.mean, 4000)[:, 0] - column.mean()
    assert own.mean() == pytest.approx(0.0, abs=0.1 * own.std())
    assert own.std() == pytest.approx(theirs.std(), rel=0.05)
    for share in (0.05, 0.25, 0.75, 0.95):
        assert np.quantile(own, share) == pytest.approx(
            np.quantile(theirs, share), abs=0.15 * own.std()
        )


def test_an_interval_lies_around_its_value_and_is_nothing_where_nothing_varies():
    columns = columns_of(5)
    columns[:, 1] = 0.1
    value = columns.mean(axis=0)
    value[2] = np.nan
    influence = centred(columns)
    influence[:, 1:3] = 0
    low, high = Bootstrap(200, 5, 500, 1).intervals(value, influence, 0.9)
    assert low[0] < value[0] < high[0]
    assert low[1] == high[1] == value[1]
    assert np.isnan([low[2], high[2]]).all()
    wider = Bootstrap(200, 5, 500, 1).intervals(value, influence, 0.99)
    assert wider[0, 0] < low[0]
    assert high[0] < wider[1, 0]


def test_the_widening_takes_back_what_cutting_blocks_costs():
    """Twelve rounds share a horizon: blocks of 24 see five sixths of the long-run variance."""
    rounds, count = 5000, 40
    columns = columns_of(6, rounds, count, overlap=12)
    influence = centred(columns)
    bootstrap = Bootstrap(rounds, 24, 400, 1)
    truth = 12 / rounds**0.5  # the standard deviation of a mean of sums of twelve shocks
    plain = bootstrap.moves(influence).std(axis=0)
    assert np.sqrt((plain**2).mean()) / truth == pytest.approx((5 / 6) ** 0.5, abs=0.03)
    spread = plain * bootstrap.widening(influence, 0.9)
    assert np.sqrt((spread**2).mean()) / truth == pytest.approx(1.0, abs=0.04)
    common = bootstrap.common_widening(influence, 0.9)
    assert common == pytest.approx(bootstrap.widening(influence, 0.9).mean(), rel=0.02)


@pytest.mark.parametrize(("rounds", "length"), [(0, 1), (1, 1), (2, 1), (49, 10), (4, 1)])
def test_too_few_blocks_say_nothing(rounds, length):
    assert not Bootstrap(rounds, length, 100, 1).is_possible


def test_enough_blocks_say_something():
    assert Bootstrap(50, 10, 100, 1).is_possible


@pytest.mark.parametrize("scale", [1e-300, 1e-15, 1.0, 1e15, 1e290])
def test_extreme_sizes_keep_their_digits(scale):
    influence = centred(columns_of(7))
    bootstrap = Bootstrap(200, 5, 50, 1)
    with np.errstate(under="ignore"):
        small = bootstrap.moves(influence * scale) / scale
    np.testing.assert_allclose(small, bootstrap.moves(influence), rtol=1e-9, atol=1e-12)
