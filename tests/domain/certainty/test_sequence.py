import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import zeta

from coordinator_pipelines.domain.certainty.sequence import (
    ZETA_OF_S,
    S,
    confidence_sequence,
    stitched_boundary,
)


def test_the_boundary_is_that_of_the_paper():
    """Howard et al. 2021, equation 10, with eta 2, s 1.4, written out for one v."""
    v, alpha, c, m = 50.0, 0.05, 2.0, 1.0
    log = 1.4 * math.log(math.log(2 * v / m, 2)) + math.log(zeta(1.4) / alpha)
    k1 = (2**0.25 + 2**-0.25) / math.sqrt(2)
    k2 = (math.sqrt(2) + 1) / 2
    expected = math.sqrt(k1**2 * v * log + k2**2 * c**2 * log**2) + k2 * c * log
    assert stitched_boundary(np.array([v]), alpha, c, m)[0] == pytest.approx(expected)
    assert pytest.approx(float(zeta(S))) == ZETA_OF_S


@pytest.mark.parametrize(("overlap", "scale"), [(1, 1.0), (1, 0.2), (4, 0.5)])
def test_the_truth_is_left_at_no_time_more_often_than_declared(overlap, scale):
    """Each of 200 fields is looked at after every one of 400 rounds; horizons may overlap."""
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(200):
        shocks = rng.choice([-scale, scale], size=400 + overlap - 1)
        differences = np.convolve(shocks, np.ones(overlap) / overlap, "valid")
        told = confidence_sequence(differences, low=0, high=1, level=0.9, overlap=overlap)
        missed += bool((np.abs(told.centre) > told.radius).any())
    assert missed <= 0.1 * 200


def test_enough_rounds_tell_two_models_apart_and_more_tell_more():
    rng = np.random.default_rng(8)
    told = confidence_sequence(rng.uniform(0.0, 0.4, 2000), low=0, high=1, level=0.9)
    low, high = told.last
    assert 0 < low < 0.2 < high
    assert told.radius[1999] < told.radius[500] < told.radius[50]
    overlapping = confidence_sequence(np.full(2000, 0.2), low=0, high=1, level=0.9, overlap=6)
    assert overlapping.radius[-1] > told.radius[-1] / 2


@given(st.lists(st.floats(-1, 1), max_size=20), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_any_rounds_give_a_centre_and_a_width(differences, overlap):
    told = confidence_sequence(np.array(differences), low=0, high=1, level=0.9, overlap=overlap)
    assert len(told.centre) == len(differences)
    assert (told.last is None) == (not differences)
    assert (told.radius > 0).all()
    if differences:
        assert told.centre[-1] == pytest.approx(np.mean(differences), abs=1e-12)


def test_a_difference_beyond_the_bounds_is_refused_with_both():
    with pytest.raises(ValueError, match=r"difference of 1\.5 is more than bounds 0 and 1"):
        confidence_sequence(np.array([0.1, -1.5]), low=0, high=1, level=0.9)
