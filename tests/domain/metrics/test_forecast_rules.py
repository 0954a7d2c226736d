"""Rules of samples, quantiles, paths and logarithms, against exact arithmetic and a library."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from coordinator_pipelines.domain.metrics.brier import brier_probability_up
from coordinator_pipelines.domain.metrics.log_score import log_density, log_probability
from coordinator_pipelines.domain.metrics.quantiles import (
    crps_quantiles,
    pinball,
    weighted_interval_score,
)
from coordinator_pipelines.domain.metrics.samples import (
    crps_samples,
    energy_score,
    threshold_weighted,
)

mp.dps = 60
ALLOWED = 1e-9
few = settings(max_examples=40, deadline=None)
SIZES = st.floats(-30, 30).map(lambda power: 10.0**power)
NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e-300, 5e-324, 1.0 + 2**-52, 1e50, -1e50]),
    st.builds(math.prod, st.tuples(st.sampled_from([-1.0, 1.0]), SIZES)),
    st.floats(-10, 10),
)
DRAWS = st.lists(NUMBERS, min_size=1, max_size=12)
CENTRAL = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]


def off(value, exact):
    """How far a value is from the exact one, relative to it; what no double holds is no error."""
    distance = abs(mp.mpf(float(value)) - exact)
    return 0.0 if distance < mp.mpf(2) ** -1060 else float(distance / abs(exact))


def exact(number):
    return mp.mpf(number.numerator) / number.denominator


def exact_crps(draws, observed):
    x, y, n = [Fraction(each) for each in draws], Fraction(observed), len(draws)
    pairs = sum(abs(a - b) for a in x for b in x)
    return exact(sum(abs(a - y) for a in x) / n - pairs / (2 * n * n))


def exact_loss(level, quantile, observed):
    level, over = Fraction(level), Fraction(observed) - Fraction(quantile)
    return level * over if over >= 0 else (level - 1) * over


@few
@given(DRAWS, NUMBERS)
def test_the_crps_of_draws_is_exact_for_whatever_is_drawn(draws, observed):
    score = float(crps_samples(draws, observed))
    assert score >= 0
    assert off(score, exact_crps(draws, observed)) < ALLOWED


def test_many_draws_of_which_one_is_far_away():
    draws = [0.0] * 999 + [1e15]
    assert off(crps_samples(draws, 0.0), exact(Fraction(10**15, 10**6))) < ALLOWED
    near = [1.0] * 999 + [1.0 + 2**-40]
    assert off(crps_samples(near, 1.0), exact(Fraction(1, 2**40 * 10**6))) < ALLOWED


@few
@given(DRAWS, NUMBERS, NUMBERS)
def test_a_tail_is_the_crps_of_what_lies_beyond_the_threshold(draws, observed, threshold):
    for name, end in (("above", max), ("below", min)):
        ends = {name: threshold}
        score = crps_samples(
            threshold_weighted(draws, **ends), threshold_weighted(observed, **ends)
        )
        kept = [end(each, threshold) for each in draws]
        assert off(score, exact_crps(kept, end(observed, threshold))) < ALLOWED


def test_a_tail_is_the_integral_over_it():
    draws, observed, threshold = np.array([-2.0, 0.5, 1.0, 4.0]), 2.5, 0.75
    grid = np.linspace(threshold, 10, 2_000_001)
    forecast = np.searchsorted(np.sort(draws), grid, side="right") / len(draws)
    integral = np.trapezoid((forecast - (grid >= observed)) ** 2, grid)
    of_tail = [threshold_weighted(each, above=threshold) for each in (draws, observed)]
    assert float(crps_samples(*of_tail)) == pytest.approx(integral, rel=1e-5)


@few
@given(st.data())
def test_the_energy_score_is_exact_for_whatever_is_drawn(data):
    k = data.draw(st.integers(1, 4))
    point = st.lists(NUMBERS, min_size=k, max_size=k)
    paths = data.draw(st.lists(point, min_size=1, max_size=6))
    if data.draw(st.booleans()):
        paths += [paths[0]] * 10
    observed = data.draw(st.one_of(point, st.just(paths[0])))

    def length(one, other):
        return mp.sqrt(sum((mp.mpf(a) - mp.mpf(b)) ** 2 for a, b in zip(one, other, strict=True)))

    n = len(paths)
    spread = sum(length(one, other) for one in paths for other in paths)
    wanted = sum(length(path, observed) for path in paths) / n - spread / (2 * n * n)
    score = float(energy_score(paths, observed))
    assert score >= 0
    if max(abs(number) for path in [*paths, observed] for number in path) > 1e-290:
        assert off(score, wanted) < ALLOWED


def test_the_energy_score_of_one_number_is_the_crps():
    draws = np.random.default_rng(1).normal(size=(3, 40))
    assert energy_score(draws[..., None], np.zeros((3, 1))) == pytest.approx(
        crps_samples(draws, np.zeros(3)), rel=1e-12
    )


@few
@given(st.lists(NUMBERS, min_size=7, max_size=7).map(sorted), NUMBERS)
def test_losses_of_quantiles_are_exact_and_the_interval_score_is_made_of_them(values, observed):
    losses = [exact_loss(*each, observed) for each in zip(CENTRAL, values, strict=True)]
    wanted = exact(sum(losses) / 7)
    for rule, times in ((pinball, 1), (crps_quantiles, 2)):
        score = float(rule(CENTRAL, values, observed))
        assert score >= 0
        assert off(score, times * wanted) < ALLOWED
    # 0.9 is not 1 - 0.1 to the last bit, so the two differ by that much.
    assert off(weighted_interval_score(CENTRAL, values, observed), 2 * wanted) < ALLOWED


def test_rules_agree_with_those_of_scoringrules():
    random = np.random.default_rng(5)
    draws, observed = random.normal(size=(50, 30)), random.normal(size=50)
    values = np.sort(random.normal(size=(50, 7)), axis=1)
    paths, path = random.normal(size=(50, 20, 3)), random.normal(size=(50, 3))
    levels = np.array(CENTRAL)
    weight = random.dirichlet(np.ones(3), size=50)
    loc, scale = random.normal(size=(50, 3)), random.uniform(0.1, 3, size=(50, 3))
    alpha = 2 * levels[:3]
    intervals = [
        scoringrules.interval_score(observed, values[:, k], values[:, 6 - k], alpha[k])
        for k in range(3)
    ]
    pairs = [
        (crps_samples(draws, observed), scoringrules.crps_ensemble(observed, draws)),
        (
            crps_quantiles(levels, values, observed),
            scoringrules.crps_quantile(observed, values, levels),
        ),
        (
            pinball(levels, values, observed),
            np.mean(
                [
                    scoringrules.quantile_score(observed, values[:, k], levels[k])
                    for k in range(len(levels))
                ],
                axis=0,
            ),
        ),
        (
            weighted_interval_score(levels, values, observed),
            # Its own takes the median where the distance from it is meant (0.10).
            (abs(observed - values[:, 3]) / 2 + alpha / 2 @ intervals) / 3.5,
        ),
        (energy_score(paths, path), scoringrules.es_ensemble(path, paths)),
        (
            crps_samples(
                threshold_weighted(draws, above=0.3), threshold_weighted(observed, above=0.3)
            ),
            scoringrules.twcrps_ensemble(observed, draws, a=0.3),
        ),
        (
            log_density(weight, loc, scale, observed),
            -scoringrules.logs_mixnorm(observed, loc, scale, weight),
        ),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, rel=1e-9)


@few
@given(st.lists(st.tuples(st.floats(1e-120, 1), NUMBERS, SIZES), min_size=1, max_size=5), NUMBERS)
def test_the_log_of_a_density_is_exact_however_small_it_is(parts, observed):
    whole = math.fsum(weight for weight, *_ in parts)
    weight, loc, scale = zip(*((w / whole, m, s) for w, m, s in parts), strict=True)
    terms = [
        mp.mpf(w)
        / (mp.mpf(s) * mp.sqrt(2 * mp.pi))
        * mp.exp(-(((mp.mpf(observed) - m) / s) ** 2) / 2)
        for w, m, s in zip(weight, loc, scale, strict=True)
    ]
    wanted = mp.log(sum(terms))
    score = float(log_density(weight, loc, scale, observed))
    assert abs(mp.mpf(score) - wanted) <= ALLOWED * max(1, abs(wanted))


@pytest.mark.parametrize("tail", [1e-30, 1e-9, 0.2, 0.5])
def test_the_log_of_a_probability_keeps_its_digits_at_both_ends(tail):
    up, down, rose = [1 - tail, tail], [tail, 1 - tail], [1, 1]
    wanted = [mp.log(1 - mp.mpf(tail)), mp.log(mp.mpf(tail))]
    for score, right in zip(log_probability(up, down, rose), wanted, strict=True):
        assert off(score, right) < ALLOWED
    assert log_probability(up, down, [0, 0]).tolist() == log_probability(down, up, rose).tolist()
    half = log_probability(up, down, [0.5, 0.5])
    assert half == pytest.approx([sum(map(float, wanted)) / 2] * 2)
    assert log_probability([1.0, 0.0], [0.0, 1.0], [1, 1]).tolist() == [0.0, -math.inf]


def test_brier_scores_are_those_of_a_library():
    random = np.random.default_rng(2)
    p, y = random.random(100), random.integers(0, 2, 100)
    wanted = 1 - scoringrules.brier_score(y, p)
    assert brier_probability_up(p, y) == pytest.approx(wanted, rel=1e-12)
