"""Who answers what an ensemble says is told, at once and later; who is merely in it is not."""

import numpy as np
import pytest

from coordinator_pipelines.domain.checkpoint.ensemble_copies import EnsembleCopy, ensemble_copies
from tests.domain.checkpoint.fields import Array, pooled_field

ROUNDS = 300
LAGS = [*range(6), 20]


def found(field: Array, weights: Array, said: Array) -> list[EnsembleCopy]:
    return ensemble_copies(field[None], said[None, :, None], weights[None], LAGS)


@pytest.mark.parametrize(("own", "models"), [(0.3, 3), (0.1, 12), (0.02, 8), (0.02, 30)])
def test_honest_members_are_not_accused(own: float, models: int) -> None:
    """The full count: ``python -m benchmarks.fairness``."""
    rng = np.random.default_rng(11)
    accused = 0
    for _ in range(25):
        field, weights = pooled_field(rng, ROUNDS, models, own)
        accused += bool(found(field, weights, (weights * field).sum(axis=1)))
    assert accused == 0


@pytest.mark.parametrize("lag", [0, 1, 5, 20])
@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("weighs", [True, False])
def test_every_copy_is_found(lag: int, noise: float, weighs: bool) -> None:
    rng = np.random.default_rng(12)
    for _ in range(5):
        field, weights = pooled_field(rng, ROUNDS, 6)
        said = (weights * field).sum(axis=1)
        late = np.concatenate([rng.normal(size=lag), said[: ROUNDS - lag]])
        copy = 0.5 * late + 2 + noise * rng.normal(size=ROUNDS) * 0.5
        if weighs:  # and what it answers is in what the ensemble says
            weights = np.column_stack([weights * 0.8, np.full(ROUNDS, 0.2)])
        else:
            weights = np.column_stack([weights, np.zeros(ROUNDS)])
        if weighs and lag == 0:
            copy = (copy - 2) * 2
        if not (weighs and lag):  # else what is said depends on what was said: another world
            said = 0.8 * said + 0.2 * copy if weighs else said
        [one] = found(np.column_stack([field, copy]), weights, said)
        assert (one.model, one.lag) == (6, lag)
        assert one.left < 0.03


def test_a_model_that_an_ensemble_follows_copies_nobody() -> None:
    field, _ = pooled_field(np.random.default_rng(1), ROUNDS, 6)
    weights = np.tile([0.9, 0.1, 0, 0, 0, 0], (ROUNDS, 1))
    assert found(field, weights, (weights * field).sum(axis=1)) == []
    alone = np.tile([1.0, 0, 0, 0, 0, 0], (ROUNDS, 1))
    assert found(field, alone, field[:, 0]) == []
    assert found(field[:30], alone[:30], field[:30, 0]) == []
