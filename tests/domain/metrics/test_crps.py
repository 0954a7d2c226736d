import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.metrics.crps import crps_normal_mixture

PARTS = st.lists(
    st.tuples(st.floats(0.1, 1), st.floats(-3, 3), st.floats(0.2, 3)), min_size=1, max_size=4
)


def by_definition(weight, loc, scale, observed):
    """The integral of (F(x) - 1{x >= y})^2, added up in small steps."""
    x, step = np.linspace(-40, 40, 40001, retstep=True)
    cdf = sum(
        w * np.array([0.5 * math.erfc(-z) for z in (x - m) / s / math.sqrt(2)])
        for w, m, s in zip(weight, loc, scale, strict=True)
    )
    return float(((cdf - (x >= observed)) ** 2).sum() * step)


@settings(max_examples=6)
@given(PARTS, st.floats(-5, 5))
def test_the_closed_form_is_the_integral_that_defines_the_score(parts, observed):
    weight, loc, scale = (np.array(column) for column in zip(*parts, strict=True))
    weight = weight / weight.sum()
    expected = by_definition(weight, loc, scale, observed)
    assert float(crps_normal_mixture(weight, loc, scale, observed)) == pytest.approx(
        expected, abs=3e-3
    )


def test_rows_are_scored_as_each_alone():
    weight, loc, scale = [[0.5, 0.5], [0.2, 0.8]], [[0, 1], [2, 3]], [[1, 2], [3, 4]]
    rows = zip(weight, loc, scale, [0.5, -1.0], strict=True)
    each = [float(crps_normal_mixture(*row)) for row in rows]
    assert crps_normal_mixture(weight, loc, scale, [0.5, -1.0]).tolist() == each


def test_nothing_beats_the_honest_density_in_expectation():
    draws = [NormalDist(0, 1).inv_cdf((k + 0.5) / 400) for k in range(400)]

    def expected(loc, scale):
        return np.mean([float(crps_normal_mixture([1], [loc], [scale], y)) for y in draws])

    honest = expected(0, 1)
    assert honest == pytest.approx(1 / math.sqrt(math.pi), rel=1e-2)
    for loc, scale in ((0, 0.5), (0, 0.9), (0, 1.1), (0, 2), (0.3, 1), (-0.3, 1)):
        assert expected(loc, scale) > honest


def test_numbers_that_are_too_large_give_no_finite_score_and_no_warning():
    assert not np.isfinite(crps_normal_mixture([0.5, 0.5], [1.7e308, -1.7e308], [1, 1], 0.0))
    assert float(crps_normal_mixture([1], [1.0], [5e-324], 3.0)) == 2.0
