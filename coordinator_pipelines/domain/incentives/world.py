r"""A made-up world in which it is known what everybody knows, and what would be honest to say.

Add here how outcomes and knowledge come about; avoid answers (``answers``) and whoever gives them
dishonestly (``forecasters``).

Each outcome is a standard normal number of which forecasters see parts:

.. math:: z = a c + b \sum_j v_j + r e, \qquad a^2 + J b^2 + r^2 = 1

with c seen by all of the J forecasters, :math:`v_j` by one of them, and e by nobody. So whoever
says that z is normal with mean :math:`a c + b v_j` and variance :math:`1 - a^2 - b^2` is
calibrated.

How much is known is arbitrary, and so is the number of rounds: what decides how much luck is in a
window is their product. Ten thousand rounds in which probabilities are 1 % off a half are as far
from luck as a hundred in which they are 10 % off.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COMMON = 0.7
"""a: most of what forecasters know they know together, as of prices that all of them see."""
OWN = 0.01
"""b: what each knows alone."""
SIZES = (0.5, 1.5)
"""Half of the rounds are calm, half are not, and everybody can tell which."""
SEED = 20180712


@dataclass(frozen=True, slots=True)
class Belief:
    """What one forecaster believes: normal numbers of these means and one deviation."""

    mean: Array
    """[field, round, row]."""
    deviation: float

    def turned(self, factor: float) -> "Belief":
        """The belief of one who trusts the same signal so many times as much."""
        return Belief(self.mean * factor, self.deviation / factor)


@dataclass(frozen=True, slots=True)
class World:
    """Outcomes of many fields of rounds, and what each forecaster honestly believes of them."""

    outcome: Array
    """z: [field, round, row]."""
    size: Array
    """By how much an outcome is stretched, which everybody knows: [field, round]."""
    honest: tuple[Belief, ...]


def world(fields: int, rounds: int, rows: int, forecasters: int) -> World:
    """The same numbers each time for the same shape; ``rows``: questions of one round."""
    rng, shape = np.random.default_rng(SEED), (fields, rounds, rows)
    rest = math.sqrt(1 - COMMON**2 - forecasters * OWN**2)
    common = rng.standard_normal(shape)
    own = rng.standard_normal((forecasters, *shape))
    unseen = rng.standard_normal(shape)
    outcome = COMMON * common + OWN * own.sum(axis=0) + rest * unseen
    deviation = math.sqrt(1 - COMMON**2 - OWN**2)
    honest = tuple(Belief(COMMON * common + OWN * part, deviation) for part in own)
    return World(outcome, rng.choice(SIZES, (fields, rounds)), honest)


IGNORANT = 1.0
"""The deviation of an outcome of which nothing is known; its mean is 0."""


def ignorance(shaped_like: Belief) -> Belief:
    """What one believes who knows nothing, as a baseline does."""
    return Belief(np.zeros_like(shaped_like.mean), IGNORANT)
