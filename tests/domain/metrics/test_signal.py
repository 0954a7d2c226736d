"""Metrics of signals against SciPy and rational arithmetic, on whatever hypothesis finds."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from coordinator_pipelines.domain.metrics import signal
from coordinator_pipelines.domain.metrics.rank_correlation import rank_correlations
from coordinator_pipelines.domain.metrics.signal import Field

NAN = math.nan
FEWER = settings(max_examples=40)
FEW = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 0.5, 1.0, NAN])
ANY = st.floats(-1e100, 1e100) | st.sampled_from([NAN, 0.0, -0.0, 0.1, 1e-300, 5e-324])
NUMBERS = FEW | ANY
MEANT = FEW | st.floats(1e-9, 1e3) | st.floats(-1e3, -1e-9)
"""Sums of these are exact in twice a double's digits."""


@st.composite
def fields(draw, numbers=NUMBERS, ensemble=True):
    models, rounds = draw(st.integers(1, 5)), draw(st.integers(0, 9))
    signals = draw(arrays(np.float64, (models, rounds), elements=numbers))
    outcomes = draw(arrays(np.float64, rounds, elements=numbers))
    return field(signals, outcomes, draw(st.none() | st.just(models - 1)) if ensemble else None)


def field(signals, outcomes, ensemble=None):
    signals = np.asarray(signals, dtype=float)
    members = np.ones(len(signals), dtype=bool)
    if ensemble is not None:
        members[ensemble] = False
    part = np.arange(signals.shape[1]) * signal.PARTS // max(1, signals.shape[1])
    return Field(signals, np.asarray(outcomes, dtype=float), part, members, ensemble)


def pairs_of(one, other):
    """The pairs of which both are numbers."""
    pairs = zip(one, other, strict=True)
    return [(a, b) for a, b in pairs if not isnan(a) and not isnan(b)]


def rho(one, other):
    """The rank correlation in whole numbers; None where there is none."""
    ranks = [
        [sum(b < a for b in side) - sum(b > a for b in side) for a in side]
        for side in zip(*pairs_of(one, other), strict=True)
    ]
    squares = math.prod(sum(rank * rank for rank in side) for side in ranks) if ranks else 0
    if not squares:
        return None
    return sum(a * b for a, b in zip(*ranks, strict=True)) / math.sqrt(squares)


def scipys(one, other):
    ranks = [places(side) for side in zip(*pairs_of(one, other), strict=True)]
    if not ranks or any(len(set(side)) < 2 for side in ranks):
        return None
    return stats.spearmanr(*ranks).statistic


def isnan(value):
    return isinstance(value, float) and math.isnan(value)


def places(values):
    """Ranks without mean ranks, which SciPy gives: as doubles, other numbers could be ties."""
    order = sorted(set(values))
    return [order.index(value) for value in values]


def mean(terms, of):
    """Their exact sum, as the double that it is, by how many there are."""
    return float(sum(terms)) / len(of)


def same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        if theirs is None:
            assert math.isnan(ours)
        else:
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def exact(values):
    return [NAN if isnan(float(value)) else Fraction(float(value)) for value in values]


def told(own, outcomes):
    """sign(s) r of the rounds that have both."""
    pairs = zip(exact(own), exact(outcomes), strict=True)
    return [((s > 0) - (s < 0)) * r for s, r in pairs if not isnan(s) and not isnan(r)]


@FEWER
@given(fields())
def test_ic_is_the_rank_correlation_with_the_outcome(one):
    same(signal.ic(one, 1), [scipys(own, one.outcomes) for own in one.signals])
    same(signal.ic(one, 1), [rho(own, one.outcomes) for own in one.signals])


@FEWER
@given(fields())
def test_rank_correlations_of_all_with_all_are_those_of_each_pair(one):
    found, rounds = rank_correlations(one.signals)
    for i, own in enumerate(one.signals):
        same(found[i], [rho(own, other) for other in one.signals])
        assert rounds[i].tolist() == [
            int((~np.isnan(own) & ~np.isnan(other)).sum()) for other in one.signals
        ]


@FEWER
@given(fields())
def test_a_model_is_as_alike_as_the_mean_of_its_correlations_with_the_others(one):
    others = np.flatnonzero(one.members)
    expected = []
    for i, own in enumerate(one.signals):
        found = [rho(own, one.signals[j]) for j in others if j != i]
        known = [each for each in found if each is not None]
        expected.append(sum(known) / len(known) if known else None)
    same(signal.model_correlation(one, 2), expected)


@FEWER
@given(fields())
def test_returns_and_hits_are_those_of_the_sign(one):
    means, hits = [], []
    for own in one.signals:
        returns = told(own, one.outcomes)
        decided = [each for each in returns if each != 0]
        means.append(float(sum(returns) / len(returns)) if returns else None)
        hits.append(sum(each > 0 for each in decided) / len(decided) if decided else None)
    same(signal.signal_return(one, 1), means)
    same(signal.signal_hit_rate(one, 1), hits)


@FEWER
@given(fields())
def test_a_sortino_ratio_is_of_all_rounds_and_null_without_a_loss(one):
    expected = []
    for own in one.signals:
        returns = told(own, one.outcomes)
        downside = sum(min(each, 0) ** 2 for each in returns)
        if not downside:
            expected.append(None)
            continue
        unit = max(abs(each) for each in returns if each < 0)
        root = math.sqrt(downside / unit**2 / len(returns))
        centre = sum(returns) / len(returns) / unit
        assume(abs(centre) < 1e300)
        expected.append(float(centre) / root)
    same(signal.sortino_ratio(one, 1), expected)


@FEWER
@given(fields())
def test_turnover_is_of_rounds_one_after_the_other(one):
    expected = []
    for own in map(exact, one.signals):
        steps = [abs(b - a) for a, b in pairwise(own) if not isnan(a) and not isnan(b)]
        expected.append(float(sum(steps) / len(steps)) if steps else None)
    same(signal.turnover(one, 1), expected)


@FEWER
@given(fields(MEANT))
def test_fnc_is_the_ic_of_what_differs_from_the_mean_of_the_field(one):
    rows = [exact(own) for own in one.signals]
    expected = []
    for i, own in enumerate(rows):
        neutral = []
        for t, s in enumerate(own):
            there = [rows[j][t] for j in np.flatnonzero(one.members) if not isnan(rows[j][t])]
            others = len(there) - (bool(one.members[i]) and not isnan(s))
            neutral.append(
                NAN if isnan(s) or others < 1 else mean([s * len(there) - sum(there)], there)
            )
        alone = all(
            isnan(rows[j][t])
            for j in np.flatnonzero(one.members) if j != i
            for t in range(len(own))
        )  # fmt: skip
        expected.append(rho(own if alone else neutral, exact(one.outcomes)))
    same(signal.fnc(one, 1), expected)


@FEWER
@given(fields(MEANT))
def test_a_contribution_is_what_the_ensemble_tells_beyond_the_others(one):
    if one.ensemble is None:
        assert np.isnan(signal.contribution(one, 1)).all()
        assert np.isnan(signal.ensemble_correlation(one, 1)).all()
        return
    rows = [exact(own) for own in one.signals]
    together = rows[one.ensemble]
    expected = []
    for i, own in enumerate(rows):
        rest, common = [], []
        for t, s in enumerate(own):
            there = [
                rows[j][t] for j in np.flatnonzero(one.members) if j != i and not isnan(rows[j][t])
            ]
            counts = there and not isnan(s) and not isnan(together[t])
            rest.append(mean(there, there) if counts else NAN)
            common.append(together[t] if counts else NAN)
        found = rho(common, exact(one.outcomes)), rho(rest, exact(one.outcomes))
        whole = None not in found and i != one.ensemble
        expected.append(found[0] - found[1] if whole else None)
    same(signal.contribution(one, 1), expected)
    alike = [rho(own, one.signals[one.ensemble]) for own in one.signals]
    same(signal.ensemble_correlation(one, 1), [*alike[:-1], None])


@FEWER
@given(fields())
def test_an_ic_sharpe_is_of_the_parts_that_have_an_ic(one):
    parts = [one.part == part for part in range(signal.PARTS)]
    for own, found in zip(one.signals, signal.ic_sharpe(one, 1), strict=True):
        known = []
        for part in parts:
            both = ~np.isnan(own[part]) & ~np.isnan(one.outcomes[part])
            each = rho(own[part], one.outcomes[part])
            if both.sum() >= signal.LEAST_IN_PART and each is not None:
                known.append(each)
        steady = len(known) < 2 or np.std(known) <= 1e-6 * abs(np.mean(known))
        same([found], [None if steady else np.mean(known) / np.std(known)])


def test_an_ic_sharpe_is_mean_over_deviation_of_the_ic_in_tenths_of_the_window():
    rng = np.random.default_rng(1)
    one = field(rng.integers(-3, 4, (2, 100)), rng.normal(size=100))
    found = signal.ic_sharpe(one, 10)
    for own, ours in zip(one.signals, found, strict=True):
        each = [
            stats.spearmanr(own[k : k + 10], one.outcomes[k : k + 10]).statistic
            for k in range(0, 100, 10)
        ]
        assert ours == pytest.approx(np.mean(each) / np.std(each), rel=1e-12)


@FEWER
@given(st.lists(st.floats(-1e100, 1e100) | st.just(NAN), max_size=12))
def test_a_drawdown_is_the_deepest_fall_below_a_peak(values):
    path, peak, deepest = Fraction(0), Fraction(0), Fraction(0)
    for value in exact([value for value in values if not math.isnan(value)]):
        path += value
        peak = max(peak, path)
        deepest = min(deepest, path - peak)
    some = any(not math.isnan(value) for value in values)
    same(signal.max_drawdown(np.array([values]), 1), [float(deepest) if some else None])


@FEWER
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=9), st.sampled_from([0.0, 1.0, -2.5])
)  # fmt: skip
def test_a_skill_is_over_common_rounds_and_null_where_the_baseline_is_perfect(pairs, perfect):
    values = np.array(pairs, dtype=float).reshape(-1, 2).T
    common = [(a, b) for a, b in map(exact, pairs) if not isnan(a) and not isnan(b)]
    other = sum(b for _, b in common)
    possible = Fraction(perfect) * len(common) - other
    gained = sum(a for a, _ in common) - other
    found = signal.skill(values, 1, perfect, 1)[:1]
    assume(not possible or abs(gained / possible) < 1e300)
    same(found, [float(gained / possible) if common and possible else None])


def test_without_a_baseline_there_is_no_skill():
    assert np.isnan(signal.skill(np.ones((2, 3)), None, 0.0, 1)).all()


@FEWER
@given(fields(), st.randoms())
def test_nothing_depends_on_the_order_of_models(one, random):
    order = list(range(len(one.signals)))
    random.shuffle(order)
    at = None if one.ensemble is None else order.index(one.ensemble)
    other = field(one.signals[order], one.outcomes, at)
    for metric in signal.SIGNAL_METRICS.values():
        np.testing.assert_array_equal(metric(one, 2)[order], metric(other, 2))


@pytest.mark.parametrize("name", signal.SIGNAL_METRICS)
def test_on_fewer_rounds_than_asked_for_nothing_is_said(name):
    rng = np.random.default_rng(2)
    one = field(rng.normal(size=(4, 60)), rng.normal(size=60), ensemble=3)
    metric = signal.SIGNAL_METRICS[name]
    assert np.isfinite(metric(one, 60)[:3]).all()
    assert np.isnan(metric(one, 61)).all()


def test_a_copy_of_the_field_has_no_fnc_although_means_are_rounded():
    """The mean of seven equal doubles is another double; that is no difference."""
    own = np.array([0.1, 0.7, 0.3, 1e-17, 0.9])
    assert np.isnan(signal.fnc(field([own] * 7, np.arange(5.0)), 2)).all()


def test_thousands_of_rounds_are_exact():
    """Sums of products of ranks stay whole numbers; the same as SciPy's to the last digits."""
    rng = np.random.default_rng(3)
    signals = rng.integers(0, 50, (3, 5000)).astype(float)
    found, _ = rank_correlations(signals)
    assert found[0, 1] == pytest.approx(stats.spearmanr(signals[0], signals[1]).statistic, rel=1e-9)
    assert np.diagonal(found).tolist() == [1.0, 1.0, 1.0]
