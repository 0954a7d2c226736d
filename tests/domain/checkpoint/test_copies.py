"""Copies are found, and models that are merely alike are left alone."""

import numpy as np
import pytest

from coordinator_pipelines.domain.checkpoint.copies import Likeness, constants, copies

ROUNDS = 300


def similar(rng: np.random.Generator, models: int, own: float = 0.3) -> np.ndarray:
    """Independent models of one field: a common signal with serial dependence, and their own."""
    signal = np.convolve(rng.normal(size=ROUNDS + 20), np.ones(20) / 20, "valid")[:ROUNDS]
    signal /= signal.std()
    return signal[:, None] + own * rng.normal(size=(ROUNDS, models))


def found(field: np.ndarray) -> list[Likeness]:
    return copies(field[None], [f"owner {i}" for i in range(field.shape[1])])


def test_in_a_thousand_fields_of_similar_models_nobody_is_accused() -> None:
    rng = np.random.default_rng(20261129)
    accused = sum(bool(found(similar(rng, 12, own=0.1))) for _ in range(1000))
    assert accused == 0


@pytest.mark.parametrize(
    ("kind", "lag"),
    [("exact", 0), ("scaled", 0), ("noise", 0), ("lagged", 1), ("lagged", 5), ("rounded", 0)],
)
def test_every_copy_is_found(kind: str, lag: int) -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        field = similar(rng, 8)
        source = field[:, 2]
        copy = {
            "exact": source,
            "scaled": 0.2 * source - 3,
            "noise": source + 0.01 * source.std() * rng.normal(size=ROUNDS),
            "lagged": np.concatenate([rng.normal(size=lag), source[: ROUNDS - lag]]),
            "rounded": np.round(source, 2),
        }[kind]
        [one] = found(np.column_stack([field, copy]))
        assert (one.first, one.second, one.lag) == (2, 8, lag)
        assert one.left < 0.03


def test_two_models_of_one_owner_copy_nobody() -> None:
    field = similar(np.random.default_rng(1), 3)
    both = np.column_stack([field, field[:, 0]])
    assert copies(both[None], ["a", "b", "c", "a"]) == []


def test_the_opposite_of_a_forecast_is_another_idea() -> None:
    field = similar(np.random.default_rng(1), 3)
    assert found(np.column_stack([field, 1 - field[:, 0]])) == []


def test_rounds_that_one_of_them_missed_hide_nothing() -> None:
    rng = np.random.default_rng(3)
    field = similar(rng, 6)
    copy = np.where(rng.random(ROUNDS) < 0.4, np.nan, field[:, 1])
    [one] = found(np.column_stack([field, copy]))
    assert (one.first, one.second) == (1, 6)
    assert one.rounds == int((~np.isnan(copy)).sum())


def test_a_density_is_copied_if_all_its_numbers_are() -> None:
    rng = np.random.default_rng(5)
    places, scales = similar(rng, 4), similar(rng, 4)
    same_place = np.column_stack([places, places[:, 0]])
    other_scale = np.column_stack([scales, rng.normal(size=ROUNDS)])
    owners = list("abcde")
    assert copies(np.stack([same_place, other_scale]), owners) == []
    same_scale = np.column_stack([scales, scales[:, 0]])
    assert len(copies(np.stack([same_place, same_scale]), owners)) == 1
    centred = np.zeros_like(same_place)  # a number that nobody varies says nothing
    assert len(copies(np.stack([centred, same_scale]), owners)) == 1


def test_where_all_answer_nearly_alike_nobody_has_copied() -> None:
    assert found(similar(np.random.default_rng(9), 10, own=0.02)) == []


def test_few_rounds_and_constants_accuse_nobody() -> None:
    field = similar(np.random.default_rng(2), 3)[:40]
    assert found(np.column_stack([field, field[:, 0]])) == []
    halves = np.full((ROUNDS, 3), 0.5)
    assert found(halves) == []
    assert constants(halves[None]) == [0, 1, 2]
    assert constants(similar(np.random.default_rng(2), 2)[None]) == []
    assert constants(np.empty((0, 0, 0))) == []


def test_far_numbers_do_not_cancel() -> None:
    field = similar(np.random.default_rng(4), 5) + 60000.0
    [one] = found(np.column_stack([field, field[:, 3] * 1.5]))
    assert (one.first, one.second) == (3, 5)
