"""Every rule and every sum against an evaluation with hundreds of digits.

Hypothesis looks for the input with the largest relative error; what a score may be off is 1e-9 of
itself. A score with an error of its own size is one that can be won by choosing the input.
"""

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, target
from hypothesis import strategies as st

from coordinator_pipelines.domain.answer.density import (
    LEAST_SHARE,
    SURVIVAL,
    normal_mixture,
    probability_up,
)
from coordinator_pipelines.domain.metrics import summary
from coordinator_pipelines.domain.metrics.brier import brier_probability_up
from coordinator_pipelines.domain.metrics.crps import crps_normal_mixture
from coordinator_pipelines.domain.metrics.position_return import position_return
from coordinator_pipelines.domain.metrics.table import log_loss, mean_squared_error, spearman
from coordinator_pipelines.domain.score.statistics import score_statistics

ALLOWED = 1e-9
mp = mpmath.mp.clone()
mp.dps = 420  # weights of 1e-120 are squared, at scales 1e100 apart

MAGNITUDE = st.floats(-49, 49).map(lambda power: 10.0**power)
ORDINARY = st.floats(-3, 6).map(lambda power: 10.0**power)
SCALE = MAGNITUDE | ORDINARY
SIGN = st.sampled_from([-1.0, 0.0, 1.0])
PART = st.tuples(
    st.floats(-125, 0).map(lambda power: 10.0**power) | st.floats(0.01, 1),
    st.tuples(SIGN, SCALE).map(math.prod),
    SCALE,
)
PARTS = st.lists(PART, min_size=1, max_size=3)
PROBABILITY = st.floats(0, 1) | st.floats(-300, 0).map(lambda power: 10.0**power)


def off(value, exact):
    """How far a value is from the exact one, relative to it; searched for its largest."""
    error = float(abs(mp.mpf(value) - exact) / abs(exact)) if exact else float(abs(value))
    target(math.log10(max(error, 1e-30)))
    return error


def mixture(*parts):
    components = [
        {"weight": weight, "density": {"type": "builtin", "name": "norm", "params": params}}
        for weight, params in ((w, {"loc": loc, "scale": scale}) for w, loc, scale in parts)
    ]
    return [{"type": "mixture", "components": components}]


def mean_size(m, s):
    ratio = m / (s * mp.sqrt(2))
    return m * mp.erf(ratio) + s * mp.sqrt(2 / mp.pi) * mp.exp(-ratio * ratio)


def exact_crps(parts, observed):
    """E|X - y| - E|X - X'| / 2 of the mixture as it was answered."""
    parts = [[mp.mpf(number) for number in part] for part in parts]
    whole = sum(weight for weight, *_ in parts)
    distance = sum(w / whole * mean_size(mp.mpf(observed) - m, s) for w, m, s in parts)
    spread = sum(
        w / whole * v / whole * mean_size(m - n, mp.sqrt(s * s + t * t))
        for w, m, s in parts
        for v, n, t in parts
    )
    return distance - spread / 2


def scored(parts, observed):
    return float(crps_normal_mixture(**normal_mixture(mixture(*parts)), observed=observed))


@settings(max_examples=150, deadline=None)
@given(PARTS, st.tuples(SIGN, SCALE).map(math.prod), st.floats(-40, 40), st.booleans())
def test_the_crps_of_whatever_is_accepted_is_exact_and_never_below_zero(parts, at, widths, beside):
    _, loc, scale = parts[0]
    observed = loc + widths * scale if beside else at
    assume(max(weight for weight, *_ in parts) > 0.01)
    score = scored(parts, observed)
    assert score > 0
    assert off(score, exact_crps(parts, observed)) < ALLOWED


@pytest.mark.parametrize(
    "parts",
    [
        [(1, 0, 10), (1e-20, 0, 1e45)],
        [(1, 0, 10), (1e-17, 0, 1e40)],
        [(1, 0, 1e-12), (1e-9, 0, 1e6)],
        [(1, 5, 10), (1e-12, -1e30, 1e-30), (1e-12, 1e30, 1e-30)],
        [(1, 0, 1), (1e-3, 3e5, 1e4), (1e-8, 1e20, 2.5e19)],
        [(1, 3, 1e-40), (1e-60, 0, 1e20)],
        [(1e-100, 0, 1), (1, 0, 1e30)],
    ],
)
@pytest.mark.parametrize("observed", [0.0, 3.0, -25.0, 1e5])
def test_no_tiny_weight_at_a_huge_width_buys_a_score(parts, observed):
    assert off_plain(scored(parts, observed), exact_crps(parts, observed)) < ALLOWED


def off_plain(value, exact):
    return float(abs(mp.mpf(value) - exact) / exact)


@pytest.mark.parametrize("ratio", [0.5, 0.9, 1.1, 2.0])
def test_the_two_forms_agree_where_one_takes_over_from_the_other(ratio):
    for loc in (0.0, 1e5, 3e5, -1e5):
        narrow, wide = (1, 0.7, 1), (loc, ratio * 1e5)
        exact = exact_crps([narrow, (50, *wide)], 0.2)
        assert off_plain(scored([narrow, *[(1, *wide)] * 50], 0.2), exact) < ALLOWED


def test_a_component_with_almost_nothing_of_the_whole_is_left_out():
    assert normal_mixture(mixture((1, 0, 1), (LEAST_SHARE / 2, 5, 1), (0, 1, 1))) == {
        "weight": [1.0], "loc": [0.0], "scale": [1.0],
    }  # fmt: skip
    many = mixture((1, 0, 1), *[(0, 0, 1)] * 500)
    assert normal_mixture(many)["weight"] == [1.0]


@pytest.mark.parametrize(
    ("loc", "scale", "message"),
    [
        (0, 1e60, r"scale must be at most 1e\+50, not 1e\+60"),
        (-1e300, 1, r"loc must be at most 1e\+50, not -1e\+300"),
        (0, 5e-324, "scale must be at least 1e-50, not 5e-324"),
    ],
)
@pytest.mark.parametrize("weight", [1e-20, 0, 1])
@pytest.mark.parametrize("read", [normal_mixture, probability_up])
def test_numbers_for_which_no_score_is_exact_are_refused(read, weight, loc, scale, message):
    with pytest.raises(ValueError, match=message):
        read(mixture((1, 0, 1), (weight, loc, scale)))


EXACT_SURVIVAL = {
    "norm": lambda z: mp.erfc(-z / mp.sqrt(2)) / 2,
    "laplace": lambda z: mp.exp(z) / 2 if z < 0 else 1 - mp.exp(-z) / 2,
    "cauchy": lambda z: mp.mpf(1) / 2 + mp.atan(z) / mp.pi,
}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(SURVIVAL)), st.floats(-37, 37), ORDINARY, st.integers(0, 12))
def test_the_probability_of_up_is_exact_however_near_0_it_is(name, z, scale, further):
    loc = z * scale * (10.0**further if name == "cauchy" else 1)
    density = [{"type": "builtin", "name": name, "params": {"loc": loc, "scale": scale}}]
    p_up = probability_up(density)
    assert 0 <= p_up <= 1
    assert off(p_up, EXACT_SURVIVAL[name](mp.mpf(loc) / mp.mpf(scale))) < ALLOWED


@given(PROBABILITY, st.sampled_from([0.0, 0.5, 1.0]))
def test_the_brier_score_is_exact_where_it_is_almost_nothing(p_up, outcome):
    score = float(brier_probability_up(p_up, outcome))
    assert 0 <= score <= 1
    assert off(score, 1 - (mp.mpf(p_up) - mp.mpf(outcome)) ** 2) < ALLOWED


@given(PROBABILITY, st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_the_return_of_a_position_is_exact(p_up, entry, resolved):
    exact = (2 * mp.mpf(p_up) - 1) * (mp.mpf(resolved) - mp.mpf(entry)) / mp.mpf(entry)
    assert off(float(position_return(p_up, entry, resolved)), exact) < ALLOWED


PAIRS = st.lists(st.tuples(st.floats(-1e90, 1e90), st.floats(-1e90, 1e90)), min_size=1, max_size=9)


@given(PAIRS)
def test_the_squared_error_of_a_table_is_exact(pairs):
    said, truth = zip(*pairs, strict=True)
    exact = -sum((Fraction(p) - Fraction(y)) ** 2 for p, y in pairs) / len(pairs)
    exact = mp.mpf(exact.numerator) / exact.denominator
    assume(exact == 0 or abs(exact) > 1e-290)
    score = mean_squared_error(said, truth)
    assert score <= 0
    assert off(score, exact) < ALLOWED


@given(st.lists(st.tuples(PROBABILITY, st.sampled_from([0.0, 1.0])), min_size=1, max_size=9))
def test_the_log_loss_of_a_table_is_exact_at_both_ends(pairs):
    said, truth = zip(*pairs, strict=True)
    clipped = [mp.mpf(min(max(p, 1e-6), 1 - 1e-6)) for p in said]
    exact = sum(mp.log(p if y else 1 - p) for p, y in zip(clipped, truth, strict=True)) / len(said)
    score = log_loss(said, truth)
    assert score <= 0
    assert off(score, exact) < ALLOWED


NEAR = st.sampled_from([0.0, 1e-300, 1e-14, 1.0, 1.0 + 2e-16, 1.0 + 1e-13, 1e300, -1e300])


@given(st.lists(st.tuples(NEAR, NEAR), min_size=2, max_size=9))
def test_the_rank_correlation_tells_numbers_apart_that_differ_in_their_last_digit(pairs):
    ranks = [
        [Fraction(2 * sum(v < w for v in side) + side.count(w) + 1, 2) for w in side]
        for side in zip(*pairs, strict=True)
    ]
    centre = Fraction(len(pairs) + 1, 2)
    a, b = ([rank - centre for rank in side] for side in ranks)
    product = sum(x * y for x, y in zip(a, b, strict=True))
    norm = sum(x * x for x in a) * sum(y * y for y in b)
    exact = mp.mpf(product.numerator) / product.denominator if norm else mp.mpf(0)
    if norm:
        exact /= mp.sqrt(mp.mpf(norm.numerator) / norm.denominator)
    score = spearman(*zip(*pairs, strict=True))
    assert -1 <= score <= 1
    assert off(score, exact) < ALLOWED


START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def window(values, per_hour):
    """The statistics of values in a window, by way of the sums of its hours."""
    hours = np.arange(len(values)) // per_hour
    scores = pd.DataFrame({
        "mode": "live", "prediction_config_id": "c", "model_id": "m",
        "resolvable_at": pd.Series(pd.Timestamp(START) + pd.to_timedelta(hours + 1, unit="h"))
        .astype("datetime64[us, UTC]"),
        "status": "SUCCESS", "value": np.array(values, "float64"), "rule": "scorer",
    })  # fmt: skip
    sums = score_statistics(scores, HOUR)
    n, total = sums["n"].sum(), sums["total"].sum()
    squares = summary.combine_squares(sums["n"], sums["total"], sums["squares"])
    mean, volatility = summary.mean(n, total), summary.volatility(n, squares)
    return {
        "mean": float(mean),
        "volatility": float(volatility),
        "sharpe_like": float(summary.sharpe_like(mean, volatility)),
        "wealth": float(summary.wealth(n, sums["log_wealth"].sum(), sums["n_ruin"].sum())),
    }


def exactly(values):
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    wealth = mp.mpf(1)
    for value in exact:
        wealth *= mp.mpf((1 + value).numerator) / (1 + value).denominator
    mean = mp.mpf(mean.numerator) / mean.denominator
    deviation = mp.sqrt(mp.mpf(variance.numerator) / variance.denominator)
    return {"mean": mean, "volatility": deviation, "wealth": wealth}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.floats(-90, 90), st.floats(-5, 3), st.integers(2, 900),
    st.integers(1, 400),
)  # fmt: skip
def test_mean_volatility_and_sharpe_of_a_window_are_exact(seed, power, spread, count, per_hour):
    """Scores of one sign, from all alike but for a hundred thousandth to far apart."""
    draws = np.random.default_rng(seed).random(count)
    values = 10.0**power * (1 + draws * 10.0**spread)
    found, exact = window(values.tolist(), per_hour), exactly(values.tolist())
    assert off_plain(found["mean"], exact["mean"]) < ALLOWED
    if not math.isnan(found["sharpe_like"]):
        assert off(found["volatility"], exact["volatility"]) < ALLOWED
        floored = max(exact["volatility"], mp.mpf(summary.VOLATILITY_FLOOR))
        assert off_plain(found["sharpe_like"], exact["mean"] / floored) < ALLOWED


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.floats(-15, 90), st.integers(1, 300), st.integers(1, 400)
)  # fmt: skip
def test_the_wealth_of_huge_gains_and_near_ruins_is_exact(seed, power, pairs, per_hour):
    random = np.random.default_rng(seed)
    gains = 10.0**power * random.random(pairs)
    losses = [float(1 / (1 + Fraction(gain)) - 1) for gain in gains]
    values = random.permutation([*gains, *(loss for loss in losses if loss > -1)])
    found, exact = window(values.tolist(), per_hour)["wealth"], exactly(values.tolist())["wealth"]
    if math.isnan(found) or not 1e-300 < exact < 1e300:
        return
    assert off(found, exact) < ALLOWED


def test_many_scores_of_which_most_cancel_add_up_to_what_is_left():
    values = np.tile([1e90, 1.0, -1e90, 0.25], 50_000)
    scores = pd.DataFrame({
        "mode": "live", "prediction_config_id": "c", "model_id": "m",
        "resolvable_at": pd.Series([pd.Timestamp(START)] * len(values)).astype(
            "datetime64[us, UTC]"
        ),
        "status": "SUCCESS", "value": values, "rule": "scorer",
    })  # fmt: skip
    assert score_statistics(scores, HOUR)["total"].tolist() == [62_500.0]
