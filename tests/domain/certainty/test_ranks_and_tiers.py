import warnings

import numpy as np
import pytest
from arch.bootstrap import MCS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from coordinator_pipelines.domain.certainty.bootstrap import Bootstrap
from coordinator_pipelines.domain.certainty.confidence_set import confidence_set, tiers
from coordinator_pipelines.domain.certainty.ranks import (
    chance_of_rank,
    drawn_ranks,
    rank_intervals,
)


def field(seed, rounds=300, gaps=(0.0, 0.02, 0.05, 0.3, 0.6, 1.0)):
    """Scores of models that are worse than the first by the gaps, and share most of their luck."""
    rng = np.random.default_rng(seed)
    luck = rng.normal(size=(rounds, 1))
    scores = luck + 0.8 * rng.normal(size=(rounds, len(gaps))) - np.array(gaps)
    order = np.argsort(-scores.mean(axis=0), kind="stable")
    return scores[:, order], order


def moves_of(scores, seed=1, draws=1000, length=2):
    centred = (scores - scores.mean(axis=0)) / len(scores)
    return Bootstrap(len(scores), length, draws, seed).moves(centred)


@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_ranks_are_those_of_the_reference(seed, models):
    values = np.random.default_rng(seed).integers(0, 4, size=(20, models)).astype(float)
    ranks = drawn_ranks(values)
    np.testing.assert_array_equal(ranks, rankdata(-values, method="ordinal", axis=1))


def test_rank_intervals_and_chances_are_shares_of_the_draws():
    ranks = np.repeat([[1, 2, 3], [2, 1, 3], [3, 1, 2]], [80, 15, 5], axis=0)
    assert rank_intervals(ranks, 0.8).tolist() == [[1, 1, 3], [2, 2, 3]]
    assert rank_intervals(ranks, 0.98).tolist() == [[1, 1, 2], [3, 2, 3]]
    assert chance_of_rank(ranks, 1).tolist() == [0.8, 0.2, 0.0]
    assert chance_of_rank(ranks, 2).tolist() == pytest.approx([0.95, 1.0, 0.05])


def test_confidence_sets_are_those_of_the_reference_that_drops_one_at_a_time():
    """Steps of several models and other draws: near the border a model may be kept or not."""
    agreed = []
    for seed in range(30):
        scores, _ = field(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mcs = MCS(
                -scores, 0.1, reps=500, block_size=2, method="max", bootstrap="cbb", seed=seed
            )
            mcs.compute()
        own = confidence_set(scores.mean(axis=0), moves_of(scores, seed), 0.9).tolist()
        agreed += [(k in own) == (k in mcs.included) for k in range(scores.shape[1])]
        assert 0 in own
    assert np.mean(agreed) > 0.97


@given(st.integers(0, 2**32), st.sampled_from([0.5, 0.9, 0.99]), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_tiers_are_numbered_from_1_without_gaps_and_never_against_the_order(seed, level, models):
    gaps = np.random.default_rng(seed).uniform(0, 1, size=models)
    scores, _ = field(seed, 60, gaps)
    told = tiers(scores.mean(axis=0), moves_of(scores, draws=200), level)
    assert told[0] == 1
    assert set(np.diff(told)) <= {0, 1}


def test_who_can_be_told_apart_is_in_another_tier():
    scores, _ = field(5, 2000, (0.0, 0.0, 5.0, 5.0, 9.0))
    assert tiers(scores.mean(axis=0), moves_of(scores), 0.9).tolist() == [1, 1, 2, 2, 3]


def test_equal_models_share_a_tier_and_constants_are_told_apart_by_any_difference():
    scores, _ = field(2, 200, (0.0,))
    copies = np.repeat(scores, 4, axis=1)
    assert tiers(copies.mean(axis=0), moves_of(copies), 0.9).tolist() == [1, 1, 1, 1]
    still = np.tile([2.0, 1.0, 1.0, 0.5], (50, 1))
    assert tiers(still[0], moves_of(still), 0.9).tolist() == [1, 2, 2, 3]


@pytest.mark.parametrize("models", [0, 1])
def test_none_and_one_have_their_tier(models):
    scores, _ = field(3, 50, (0.0,) * models)
    assert tiers(scores.mean(axis=0), moves_of(scores), 0.9).tolist() == [1] * models


def test_a_noisy_model_takes_those_before_it_along_into_its_tier():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(400, 10)) * [*[0.1] * 9, 9.0]
    scores = noise - noise.mean(axis=0) + [*[1.0] * 8, 0.5, 0.4]
    moves = moves_of(scores)
    assert confidence_set(scores.mean(axis=0), moves, 0.9).tolist() == [*range(8), 9]
    assert tiers(scores.mean(axis=0), moves, 0.9).tolist() == [1] * 10
