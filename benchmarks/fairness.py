"""How often honest fields are accused by what stops a payout, and how often others are found.

Simulated fields of similar models, with serial dependence: who is accused of copying another model,
of answering what an ensemble says, or of gaining by answering late, where nobody does; and in how
many fields somebody who does is found. False alarms may be as many as stated.

    python -m benchmarks.fairness [fields]
"""

import sys
from collections.abc import Callable

import numpy as np

from coordinator_pipelines.domain.checkpoint.copies import copies
from coordinator_pipelines.domain.checkpoint.ensemble_copies import ensemble_copies
from coordinator_pipelines.domain.checkpoint.lateness import FALSE_ALARMS, late_advantages
from tests.domain.checkpoint.fields import pooled_field, timed_field

Look = Callable[[np.random.Generator], bool]
ROUNDS = 300
LAGS = (0, 1, 2, 3, 4, 5, 10)


def main() -> None:
    """Simulate; the number is that of the fields of each line."""
    fields = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"stated: at most {FALSE_ALARMS:.0%} of honest fields have anybody accused")
    for models, own in ((3, 0.3), (12, 0.1), (30, 0.02)):
        _tell("copy of a model, honest", models, fields, _copied(models, own))
        _tell("copy of an ensemble, honest", models, fields, _pooled(models, own))
    for rounds in (150, 300, 1000):
        _tell(f"late, honest, {rounds} rounds", 6, fields, _late(rounds, None))
    for seen in (0.3, 0.5, 0.8):
        for rounds in (300, 1000):
            look = _late(rounds, seen)
            _tell(f"late, knows {seen:.0%}, {rounds} rounds", 6, max(1, fields // 10), look)


def _tell(what: str, models: int, fields: int, look: Look) -> None:
    told = [look(np.random.default_rng(seed)) for seed in range(fields)]
    print(f"{what:<34} {models:>2} models: found in {np.mean(told):6.1%} of {fields} fields")


def _copied(models: int, own: float) -> Look:
    def look(rng: np.random.Generator) -> bool:
        field, _ = pooled_field(rng, ROUNDS, models, own)
        return bool(copies(field[None], [f"owner {number}" for number in range(models)]))

    return look


def _pooled(models: int, own: float) -> Look:
    def look(rng: np.random.Generator) -> bool:
        field, weights = pooled_field(rng, ROUNDS, models, own)
        said = (weights * field).sum(axis=1)
        return bool(ensemble_copies(field[None], said[None, :, None], weights[None], LAGS))

    return look


def _late(rounds: int, seen: float | None) -> Look:
    def look(rng: np.random.Generator) -> bool:
        return bool(late_advantages(*timed_field(rng, rounds, seen=seen)))

    return look


if __name__ == "__main__":
    main()
