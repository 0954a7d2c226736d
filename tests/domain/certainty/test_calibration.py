from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from coordinator_pipelines.domain.certainty.calibration import (
    coverage,
    decomposition,
    drift,
    histogram,
    kolmogorov,
    reliability,
)

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=20)


def pooled(pairs):
    """Isotonic regression in exact numbers, as the greatest of the least means."""
    pairs = sorted(pairs)
    levels = sorted({said for said, _ in pairs})
    sums = [[came for said, came in pairs if said == level] for level in levels]

    def mean(i, j):
        inside = [came for own in sums[i : j + 1] for came in own]
        return Fraction(sum(inside), len(inside))

    size = len(levels)
    fitted = [
        max(min(mean(i, j) for j in range(k, size)) for i in range(k + 1)) for k in range(size)
    ]
    return dict(zip(levels, fitted, strict=True))


@given(PAIRS)
@settings(max_examples=80, deadline=None)
def test_the_parts_are_those_of_exact_arithmetic_and_add_up(pairs):
    said = [Fraction(one, 4) for one, _ in pairs]
    came = [Fraction(other) for _, other in pairs]
    fit = pooled(pairs)
    n, centre = len(pairs), sum(came) / len(pairs)
    score = sum((x - y) ** 2 for x, y in zip(said, came, strict=True)) / n
    best = sum((fit[one] - y) ** 2 for (one, _), y in zip(pairs, came, strict=True)) / n
    unsure = sum((centre - y) ** 2 for y in came) / n
    told = decomposition(np.array(said, float), np.array(came, float))
    assert told.score == pytest.approx(float(score))
    assert told.miscalibration == pytest.approx(float(score - best), abs=1e-12)
    assert told.discrimination == pytest.approx(float(unsure - best), abs=1e-12)
    assert told.miscalibration >= -1e-12
    assert told.discrimination >= -1e-12
    parts = told.miscalibration - told.discrimination + told.uncertainty
    assert parts == pytest.approx(told.score)


def test_nothing_has_no_parts():
    assert decomposition(np.empty(0), np.empty(0)) is None
    assert coverage(np.empty(0), 0.9) is None


def test_a_calibrated_model_stays_within_its_band_and_another_one_does_not():
    rng = np.random.default_rng(1)
    said = rng.uniform(0, 1, 3000)
    came = (rng.random(3000) < said).astype(float)
    told = reliability(said, came, level=0.9, draws=200, seed=1)
    assert len(told.forecast) == 100
    assert (np.diff(told.outcome) >= 0).all()
    inside = (told.low <= told.outcome) & (told.outcome <= told.high)
    assert inside.mean() > 0.75
    bold = reliability(np.where(said > 0.5, 0.95, 0.05), came, level=0.9, draws=200, seed=1)
    assert not ((bold.low <= bold.outcome) & (bold.outcome <= bold.high)).any()
    again = reliability(said, came, level=0.9, draws=200, seed=1)
    assert (again.low == told.low).all()


def test_one_answer_is_a_diagram_of_one_point():
    told = reliability(np.array([0.5]), np.array([1.0]), level=0.9, draws=100, seed=1)
    assert (told.forecast.tolist(), told.outcome.tolist()) == ([0.5], [1.0])
    assert (told.low[0], told.high[0]) == (0.0, 1.0)


def test_outcomes_are_counted_by_where_they_lay_in_the_density():
    assert histogram(np.array([0.0, 0.05, 0.55, 1.0]), 10).tolist() == [
        2,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        1,
    ]
    pit = np.random.default_rng(2).random(4000)
    assert coverage(pit, 0.8) == pytest.approx(0.8, abs=0.03)


def test_a_change_of_the_mean_is_found_and_none_is_at_the_rate_of_its_p_value():
    rng = np.random.default_rng(3)
    changed = np.concatenate([rng.normal(0, 1, 300), rng.normal(1, 1, 300)])
    assert drift(changed, 5) < 0.001
    still = [drift(rng.normal(size=600), 5) for _ in range(300)]
    assert np.mean(np.array(still) < 0.1) < 0.15
    assert drift(np.full(100, 0.3), 5) is None
    assert drift(changed[:8], 5) is None


def test_the_distribution_of_the_greatest_deviation_is_that_of_the_reference():
    """The two-sided Kolmogorov-Smirnov test has the same limit."""
    sample = np.random.default_rng(4).random(500)
    found = kstest(sample, "uniform", method="asymp")
    assert kolmogorov(found.statistic * np.sqrt(500)) == pytest.approx(found.pvalue)
