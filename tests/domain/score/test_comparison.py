import numpy as np
import pytest

from coordinator_pipelines.domain.score.comparison import compare
from tests.domain.certainty.cases import MINUTE, series
from tests.domain.score.scoring_cases import challenge


def pair(first, second, **options):
    return series(np.column_stack([first, second]), **options)


def spec(**changes):
    return challenge(certainty={"draws": 200, "score_bounds": [0, 1]}, **changes)


def test_only_rounds_that_both_have_are_compared():
    nothing = np.nan
    told = compare(spec(), pair([0.9, 0.5, nothing, 0.8], [0.5, nothing, 0.4, 0.7]), 5)
    assert told.rounds == 2
    assert told.means == (pytest.approx(0.85), pytest.approx(0.6))
    assert told.difference == pytest.approx(0.25)
    assert told.better == "model-0"
    assert told.interval is None
    assert told.deciding == 2
    assert [one.performed_at.timestamp() for one in told.deciding_rounds] == [0, 3 * 60]
    assert told.cumulative.tolist() == pytest.approx([0.4, 0.5])


def test_a_clear_difference_is_told_by_every_measure():
    rng = np.random.default_rng(1)
    luck = rng.uniform(0.2, 0.5, size=3000)
    told = compare(spec(), pair(luck + 0.3, luck + rng.uniform(0, 0.2, size=3000)), 5)
    assert told.interval.low > 0
    assert told.sequence[0] > 0
    assert told.test.p_value < 1e-6
    assert len(told.deciding_rounds) == 5
    assert told.deciding > 1000
    assert len(told.thinned(200)) <= 200
    assert told.thinned(200)[-1] == 2999


def test_where_lower_is_better_the_lower_mean_is():
    told = compare(spec(score_direction="asc"), pair([0.9, 0.8], [0.1, 0.3]), 5)
    assert told.better == "model-1"


def test_models_that_share_nothing_or_are_equal_are_told_without_a_better_one():
    told = compare(spec(), pair([0.9, np.nan], [np.nan, 0.3]), 5)
    assert (told.rounds, told.means, told.difference, told.better) == (0, None, None, None)
    equal = compare(spec(), pair([0.5] * 60, [0.5] * 60), 5)
    assert (equal.difference, equal.better, equal.deciding, equal.test) == (0.0, None, 0, None)


def test_scores_beyond_the_bounds_have_no_sequence_and_horizons_give_the_lag():
    told = compare(spec(), pair([1.5] * 30, np.linspace(0, 1, 30), overlap=3), 5)
    assert told.sequence is None
    assert told.test.lag == told.overlap - 1 == 2
    assert told.performed_at[1].timestamp() * 1e6 == MINUTE
