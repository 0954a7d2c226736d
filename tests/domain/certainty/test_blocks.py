import numpy as np
import pytest
from arch.bootstrap import optimal_block_length
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.certainty.blocks import block_length, optimal_block_lengths
from tests.domain.certainty.cases import dependent


@given(
    rounds=st.integers(12, 400), memory=st.floats(-0.8, 0.98), overlap=st.integers(1, 12),
    seed=st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_optimal_lengths_are_those_of_the_reference(rounds, memory, overlap, seed):
    columns = dependent(np.random.default_rng(seed), rounds, 3, overlap, memory)
    expected = optimal_block_length(columns)["circular"].to_numpy()
    np.testing.assert_allclose(
        optimal_block_lengths(columns), np.maximum(expected, 1), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 5, 100])
def test_what_does_not_vary_needs_blocks_of_one_round(rounds):
    assert optimal_block_lengths(np.full((rounds, 2), 0.1)).tolist() == [1.0, 1.0]


def test_a_block_holds_two_overlaps_of_horizons_at_least():
    columns = np.random.default_rng(1).normal(size=(500, 3))
    assert block_length(columns, 12) == 24
    assert block_length(columns[:, :0], 1) == 1
    assert block_length(dependent(np.random.default_rng(1), 500, 3, memory=0.95), 1) > 24
