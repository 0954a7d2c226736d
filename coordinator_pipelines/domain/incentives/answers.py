"""Beliefs put into the answers that challenges ask for, and the truths that go with them.

Add a form of answer here when challenges ask for it; avoid whether a challenge accepts it
(``simulation``), and beliefs (``world``).
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from coordinator_pipelines.domain.incentives.world import Array, Belief, World
from coordinator_pipelines.domain.spec.challenge import Challenge

PRICE, MOVE = 100.0, 1.0
"""The price at each round's beginning, and a usual move of it."""
ROWS = 12
"""Rows of a table."""
DRAWS = tuple((k + 0.5) / 40 for k in range(40))
"""The levels of the draws of which an answer of samples consists."""
Put = Callable[[float, float, float], Any]
"""(mean, deviation, size) of one belief -> the answer."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way of answering."""

    name: str
    put: Put
    """What is said of one question."""
    says_sureness: bool = False
    """Whether an answer says how sure it is, so that there is an honest degree of it."""
    of_sides: bool = False
    """Whether the answer tells sides, so that a mean far from 0 is an easy question; of others,
    a calm round is."""
    rows: int = 1
    """Questions of one round; more than one are a table."""
    binary: bool = False
    """Whether the true values of a table are 0 and 1."""

    def answers(self, belief: Belief, size: Array) -> Iterator[Any]:
        """The answer of each round, field by field."""
        means = belief.mean.reshape(-1, self.rows).tolist()
        for own, stretch in zip(means, size.ravel().tolist(), strict=True):
            said = [self.put(mean, belief.deviation, stretch) for mean in own]
            yield {"predictions": _by_row(said)} if self.rows > 1 else said[0]

    def sureness(self, belief: Belief, size: Array) -> Array:
        """How easy each round looks to the forecaster: [field, round]."""
        return abs(belief.mean).mean(axis=2) if self.of_sides else -size

    def truths(self, made: World) -> list[str | None]:
        """The posted truth of each round as JSON; None where prices tell it."""
        if self.rows == 1:
            return [None] * made.size.size
        values = (made.outcome > 0) * 1.0 if self.binary else made.outcome
        values = np.round(values * (1 if self.binary else made.size[..., None]), 6)
        return [
            json.dumps({"truth": _by_row(own)}) for own in values.reshape(-1, self.rows).tolist()
        ]


def _by_row(values: list[Any]) -> dict[str, Any]:
    return {f"row-{k}": value for k, value in enumerate(values)}


def _probability(mean: float, deviation: float, _size: float) -> float:
    return round(0.5 * math.erfc(-mean / deviation / math.sqrt(2)), 9)


def _change(mean: float, _deviation: float, size: float) -> float:
    return round(MOVE * size * mean, 9)


def _price(mean: float, deviation: float, size: float) -> float:
    return PRICE + _change(mean, deviation, size)


def _return(mean: float, deviation: float, size: float) -> float:
    return _change(mean, deviation, size) / PRICE


def _density(mean: float, deviation: float, size: float) -> list[Any]:
    loc, scale = _change(mean, deviation, size), MOVE * size * deviation
    return [{"type": "builtin", "name": "norm", "params": {"loc": loc, "scale": scale}}]


def _quantiles(levels: Sequence[float]) -> Callable[[float, float, float], list[float]]:
    deviates = [NormalDist().inv_cdf(level) for level in levels]

    def put(mean: float, deviation: float, size: float) -> list[float]:
        return [_change(mean + deviation * z, deviation, size) for z in deviates]

    return put


def _at_levels(levels: Sequence[float]) -> Put:
    values = _quantiles(levels)
    return lambda *belief: [list(pair) for pair in zip(levels, values(*belief), strict=True)]


def forms(challenge: Challenge) -> tuple[tuple[Form, ...], ...]:
    """The answers that a challenge may take, in groups."""
    if challenge.is_operated:
        return TABLES
    levels = challenge.scoring.levels if challenge.scoring else ()
    if not levels:
        return FORMS
    return ((Form("quantiles of the change", _named("quantiles", _at_levels(levels)), True),),)


def _named(name: str, put: Put) -> Put:
    return lambda mean, deviation, size: {name: put(mean, deviation, size)}


_NUMBERS: tuple[tuple[str, Put, bool], ...] = (
    ("a probability of up", _probability, True),
    ("a number, the change of the price", _change, False),
    ("a number, the price", _price, False),
    ("a number, the return", _return, False),
)
FORMS: tuple[tuple[Form, ...], ...] = (
    (Form('{"p_up": x}, a probability of up', _named("p_up", _probability), True, True),),
    (Form("a density of the change of the price", _density, True),),
    (Form("samples of the change", _named("samples", _quantiles(DRAWS)), True),),
    tuple(Form(name, put, sure, sure) for name, put, sure in _NUMBERS),
    *(
        tuple(
            Form(f'{{"{key}": x}}, {name}', _named(key, put), sure, sure)
            for name, put, sure in _NUMBERS
        )
        for key in ("value", "prediction")
    ),
)
"""The first group of which a challenge takes any is meant; what a number is, its score tells."""
TABLES: tuple[tuple[Form, ...], ...] = (
    (Form("a table of numbers", _change, rows=ROWS),),
    (Form("a table of probabilities", _probability, True, True, rows=ROWS, binary=True),),
)
"""Of rounds that an operator opens."""
