"""How sure a board is: whether what is declared holds, and how long it takes.

Simulated fields of models, whose truth is known: how often the 90 % intervals of the block
bootstrap cover it, with serial dependence and overlapping horizons; how often the anytime-valid
sequence ever leaves it, looked at after every round; how often the Model Confidence Set keeps the
best model. Then the time of one board of 300 models over a week of five-minute rounds.

    python -m benchmarks.certainty [fields]
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.blocks import block_length
from coordinator_pipelines.domain.certainty.bootstrap import Bootstrap
from coordinator_pipelines.domain.certainty.confidence_set import confidence_set, tiers
from coordinator_pipelines.domain.certainty.ranks import drawn_ranks, rank_intervals
from coordinator_pipelines.domain.certainty.sequence import confidence_sequence

Array = NDArray[np.float64]

LEVEL = 0.9
DRAWS = 1000
CASES = (
    # rounds, rounds that share a horizon, share of a shock that the next round inherits
    (288, 1, 0.0), (288, 1, 0.5), (288, 12, 0.0), (864, 12, 0.3), (864, 3, 0.6), (120, 4, 0.0),
)  # fmt: skip


def main() -> None:
    """Simulate and time; the number of fields is divided among the cases."""
    fields = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    each = max(1, fields // len(CASES))
    for case in CASES:
        print(f"interval  {_told(case)}  covers {_share(each, _covered, case)}")
    for case in CASES[:3]:
        print(f"sequence  {_told(case)}  is never left in {_share(each, _never_left, case)}")
    for case in CASES[:4]:
        print(f"best kept {_told(case)}  in {_share(each, _kept, case)}")
    _time_a_board(300, 2016)


def _told(case: tuple[int, int, float]) -> str:
    return f"{case[0]:>4} rounds, overlap {case[1]:>2}, memory {case[2]:.1f}"


def _share(fields: int, look: Callable[..., bool | None], case: tuple[int, int, float]) -> str:
    """In what share of the fields that say anything it holds."""
    told = [found for seed in range(fields) if (found := look(seed, *case)) is not None]
    return f"{np.mean(told):6.1%} of {len(told)} fields ({LEVEL:.0%})"


def _shocks(seed: int, rounds: int, overlap: int, memory: float, models: int) -> Array:
    """Columns with mean 0: sums of ``overlap`` shocks, each of which inherits from the last."""
    shocks = np.random.default_rng(seed).normal(size=(rounds + overlap + 50, models))
    for t in range(1, len(shocks) if memory else 0):
        shocks[t] += memory * shocks[t - 1]
    sums = np.cumsum(shocks, axis=0)
    return (sums[overlap:] - sums[:-overlap])[-rounds:]


def _bootstrap(scores: Array, overlap: int, seed: int) -> tuple[Array, Bootstrap]:
    influence = (scores - scores.mean(axis=0)) / len(scores)
    length = block_length(influence, overlap)
    return influence, Bootstrap(len(scores), length, DRAWS, seed)


def _covered(seed: int, rounds: int, overlap: int, memory: float) -> bool | None:
    scores = _shocks(seed, rounds, overlap, memory, 1)
    influence, bootstrap = _bootstrap(scores, overlap, seed)
    if not bootstrap.is_possible:
        return None
    low, high = bootstrap.intervals(scores.mean(axis=0), influence, LEVEL)[:, 0]
    return bool(low <= 0 <= high)


def _never_left(seed: int, rounds: int, overlap: int, memory: float) -> bool:
    """Of differences in [-1, 1] whose expectation is another in every round."""
    rng = np.random.default_rng(seed)
    before = rng.choice([-1.0, 1.0], size=rounds + overlap - 1)
    expected = memory * before
    steps = np.where(rng.random(len(before)) < (1 + expected) / 2, 1.0, -1.0)
    truth = np.cumsum(expected[:rounds]) / np.arange(1, rounds + 1)
    differences = np.convolve(steps, np.ones(overlap) / overlap, "valid")
    told = confidence_sequence(differences, low=0, high=1, level=LEVEL, overlap=overlap)
    return bool((np.abs(told.centre - truth) <= told.radius).all())


def _kept(seed: int, rounds: int, overlap: int, memory: float) -> bool | None:
    """Of ten models that share their luck and are nearly as good as the best."""
    luck = _shocks(seed, rounds, overlap, memory, 11)
    scores = luck[:, :1] + luck[:, 1:] - 0.02 * np.arange(10)
    influence, bootstrap = _bootstrap(scores, overlap, seed)
    if not bootstrap.is_possible:
        return None
    moves = bootstrap.moves(influence) * bootstrap.common_widening(
        influence - influence[:, :1], LEVEL
    )
    return bool(0 in confidence_set(scores.mean(axis=0), moves, LEVEL))


def _time_a_board(models: int, rounds: int) -> None:
    """Block length, intervals of scores and differences, ranks and tiers of one window."""
    luck = _shocks(0, rounds, 12, 0.0, models + 1)
    scores = luck[:, :1] + 0.5 * luck[:, 1:] - np.linspace(0, 1, models)
    scores = scores[:, np.argsort(-scores.mean(axis=0))]
    began = time.perf_counter()
    influence, bootstrap = _bootstrap(scores, 12, 0)
    against = influence - influence[:, :1]
    value = scores.mean(axis=0)
    for difference in (influence, against, influence - influence[:, -1:]):
        bootstrap.intervals(value, difference, LEVEL)
    moves = bootstrap.moves(influence) * bootstrap.common_widening(against, LEVEL)
    rank_intervals(drawn_ranks(value + moves), LEVEL)
    count = tiers(value, moves, LEVEL).max()
    took = time.perf_counter() - began
    print(f"a window of {models} models and {rounds} rounds: {took:.2f} s, {count} tiers")


if __name__ == "__main__":
    main()
