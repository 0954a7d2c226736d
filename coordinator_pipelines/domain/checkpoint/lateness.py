"""Answers that come late and know more: whether a model's late answers beat its own early ones.

Add here how lateness is tested; avoid whose answers they are and reading them (``findings``).

Being slow is no fault, and neither is being slow when markets move. What is tested is whether a
model does better against its field in the very rounds in which it took longer, once that is taken
out which may slow a model down and change its score for honest reasons: its deployment, the size of
the price move, how lively the market is around the round, and how well the whole field did.

The test. Both series, rank of the time taken and rank of the score above the field's median, are
cleaned by least squares; their correlation is compared with those of the same series shifted in a
circle against each other, which keep the serial dependence of both and nothing else (Student's
distribution on as many degrees of freedom as the spread of those shifts is worth). One-sided; at
:data:`FALSE_ALARMS` for all models of a period together (Bonferroni).

A model that is always equally late has no early answers to be compared with, and is never accused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
"""Rounds x models."""
Column = npt.NDArray[np.float64]

FALSE_ALARMS = 0.01
"""Probability that anybody of a field of honest models is accused in a period."""
LEAST_ROUNDS = 100
"""Rounds below which nothing is said of a model."""
LATE = 0.25
"""Share of the time allowed from which on an answer is late."""
LEAST_LATE = 0.2
"""Share of late answers from which on a model is systematically late."""
LEAST_LEFT = 10.0
"""Independent rounds that two series must be worth, dependence taken off."""
LIVELY = 10
"""Rounds before and after, over which the market's liveliness is taken."""
LEVELS = 8
"""Classes of moves and of liveliness, each with a level of its own."""
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Advantage:
    """A model whose late answers are better than its early ones."""

    model: int
    rounds: int
    late: int
    """Rounds answered late."""
    correlation: float
    p_value: float
    accused_below: float
    """The p-value below which a model of this field is accused."""
    late_gain: float
    """Mean score above the field's median in late rounds, above 0 being better."""
    early_gain: float
    gaining: npt.NDArray[np.int64]
    """The late rounds in which it gained most, the largest first."""


def late_advantages(
    taken: Matrix, gains: Matrix, deployments: npt.NDArray[np.int64], moves: Column
) -> list[Advantage]:
    """The models that gain by being late, the surest first.

    Args:
        taken: time taken by each answer as a share of what is allowed; NaN where there is none.
            Rounds in the order of time.
        gains: scores, the better the higher; NaN where there is none.
        deployments: a number per answer; answers are compared within one.
        moves: how far the price went in each round, at least 0; NaN where that is not known.
    """
    if not taken.size:
        return []
    known = ~np.isnan(taken) & ~np.isnan(gains)
    known &= (known.sum(axis=1) >= 2)[:, None]
    middle = _median(np.where(known, gains, np.nan))
    lively, tried = _liveliness(moves), _systematically_late(taken, known)
    told = []
    for model in tried:
        rows = np.flatnonzero(known[:, model])
        own, over = taken[rows, model], gains[rows, model] - middle[rows]
        design = _design(deployments[rows, model], moves[rows], lively[rows], middle[rows])
        tested = _tested(*_cleaned(np.column_stack([_ranks(own), _ranks(over)]), design).T)
        if tested is not None:
            told.append((model, rows, own, over, *tested))
    # Half of it: how far shifted series are apart is an estimate, and confounders are never gone.
    threshold = FALSE_ALARMS / 2 / max(1, len(told))
    found = [_advantage(*one, threshold) for one in told if one[-1] <= threshold]
    return sorted(found, key=lambda one: (one.p_value, one.model))


def _systematically_late(taken: Matrix, known: npt.NDArray[np.bool_]) -> Iterator[int]:
    """Models with enough rounds, of which enough are late and some are not."""
    rounds = known.sum(axis=0)
    late = (known & (taken >= LATE)).sum(axis=0)
    enough = (rounds >= LEAST_ROUNDS) & (late >= LEAST_LATE * rounds)
    yield from map(int, np.flatnonzero(enough))


def _advantage(
    model: int, rows: npt.NDArray[np.int64], own: Column, over: Column, correlation: float,
    p_value: float, threshold: float,
) -> Advantage:  # fmt: skip
    # Later and earlier than its own usual: one that is late in all rounds has both.
    late = own >= max(LATE, float(np.median(own)))
    order = np.argsort(-np.where(late, over, -np.inf), kind="stable")
    return Advantage(
        model, len(rows), int((own >= LATE).sum()), round(correlation, DIGITS), p_value, threshold,
        float(over[late].mean()), float(over[~late].mean()) if (~late).any() else 0.0,
        rows[order[: int(late.sum())]],
    )  # fmt: skip


def _tested(late: Column, gain: Column) -> tuple[float, float] | None:
    """Correlation and one-sided p-value; None where the rounds are worth too few."""
    size = float(np.sqrt((late @ late) * (gain @ gain)))
    if size <= 1e-9 * len(late):
        return None
    spectrum = np.fft.rfft(late) * np.conj(np.fft.rfft(gain))
    circle = np.fft.irfft(spectrum, len(late)) / size
    correlation, others = float(circle[0]), circle[1:]
    spread = float(np.sqrt(np.mean(others**2)))
    worth = 1 / max(spread, 1 / np.sqrt(len(late))) ** 2
    if worth < LEAST_LEFT:
        return None
    from scipy.special import stdtr  # noqa: PLC0415  a quarter of a second to import

    return correlation, float(stdtr(worth - 1, -correlation * np.sqrt(worth)))


def _cleaned(columns: Matrix, design: Matrix) -> Matrix:
    """What is left of each column once the best linear function of the design is taken off."""
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    left: Matrix = columns - design @ (inverse @ (design.T @ columns))
    return left


def _design(
    deployments: npt.NDArray[np.int64], moves: Column, lively: Column, middle: Column
) -> Matrix:
    """Levels of deployments, of moves and of liveliness; the field's own success."""
    levels = [_indicators(np.unique(deployments, return_inverse=True)[1])]
    levels += [_indicators(_classes(values)) for values in (moves, lively)]
    rank = _ranks(middle) / len(middle)
    return np.column_stack([*levels, rank, rank**2])


def _indicators(classes: npt.NDArray[np.int64]) -> Matrix:
    return np.asarray(classes[:, None] == np.arange(classes.max() + 1), dtype=float)


def _classes(values: Column) -> npt.NDArray[np.int64]:
    """The quantile class of each value; one class of their own for what is not known."""
    there = ~np.isnan(values)
    classes = np.zeros(len(values), dtype=np.int64)
    if there.any():
        ranks = _ranks(values[there])
        classes[there] = 1 + np.minimum(LEVELS - 1, ((ranks - 0.5) * LEVELS / there.sum())).astype(
            np.int64
        )
    return np.unique(classes, return_inverse=True)[1]


def _liveliness(moves: Column) -> Column:
    """Mean move of the rounds around each; NaN where none is known."""
    there = ~np.isnan(moves)
    window = np.ones(2 * LIVELY + 1)
    centre = slice(LIVELY, LIVELY + len(moves))
    total = np.convolve(np.where(there, moves, 0.0), window)[centre]
    counted = np.convolve(there.astype(float), window)[centre]
    mean: Column = np.full(len(moves), np.nan)
    np.divide(total, counted, out=mean, where=counted > 0.5)
    return mean


def _ranks(values: Column) -> Column:
    """From 1; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Column = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def _median(values: Matrix) -> Column:
    """Of each row; NaN of a row that has none."""
    there = ~np.isnan(values)
    ordered = np.sort(values, axis=1)  # NaN comes last
    count = np.maximum(there.sum(axis=1), 1)
    rows = np.arange(len(values))
    middle: Column = (ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2
    return middle
