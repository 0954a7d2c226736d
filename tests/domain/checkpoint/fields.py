"""Fields of honest models, and what somebody makes of them who is not."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def dependent(rng: np.random.Generator, rounds: int, models: int, phi: float) -> Array:
    """Columns of standard normal numbers, each of which remembers ``phi`` of the one before."""
    noise = rng.normal(size=(rounds, models)) * np.sqrt(1 - phi**2)
    noise[0] = rng.normal(size=models)
    for row in range(1, rounds):
        noise[row] += phi * noise[row - 1]
    return noise


def timed_field(
    rng: np.random.Generator, rounds: int, models: int = 6, seen: float | None = None
) -> tuple[Array, Array, npt.NDArray[np.int64], Array]:
    """Time taken, gains, deployments and moves, as ``late_advantages`` takes them.

    All honest models are slow when the market is lively and when their machine is loaded, and are
    more or less skilful then. ``seen``: the first one waits in 40 % of rounds, and then knows what
    correlates so much with the move.
    """
    liveliness = np.exp(0.7 * dependent(rng, rounds, 1, 0.98)[:, 0])
    move = rng.normal(size=rounds) * liveliness
    slower = rng.uniform(0, 0.5, models) * np.log(liveliness)[:, None]
    taken = np.exp(-1.2 + slower + 0.5 * dependent(rng, rounds, models, 0.95))
    skill = rng.uniform(0, 0.3, models)
    skill = skill * (1 + rng.uniform(-1, 1, models) * np.tanh(np.log(liveliness))[:, None])
    said = skill * (move / liveliness)[:, None] + dependent(rng, rounds, models, 0.5)
    if seen is not None:
        late = rng.random(rounds) < 0.4
        taken[:, 0] = np.where(late, 0.6, 0.1) + 0.2 * rng.random(rounds)
        early = seen * move / liveliness + np.sqrt(1 - seen**2) * rng.normal(size=rounds)
        said[late, 0] = 2 * early[late]
    gains = 1 - (1 / (1 + np.exp(-said)) - (move > 0)[:, None]) ** 2
    return np.minimum(taken, 0.99), gains, np.zeros((rounds, models), dtype=np.int64), abs(move)


def pooled_field(
    rng: np.random.Generator, rounds: int, models: int, own: float = 0.3
) -> tuple[Array, Array]:
    """Similar models, and the weights of an ensemble of them: equal, or by how good they are."""
    signal = dependent(rng, rounds, 1, 0.9)
    field = signal + own * rng.normal(size=(rounds, models))
    weights = np.ones(models) if rng.random() < 0.5 else rng.dirichlet(np.ones(models))
    return field, np.tile(weights / weights.sum(), (rounds, 1))
