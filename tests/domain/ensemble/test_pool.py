"""Combined answers: the linear pool of what was said, and nobody can spoil it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from coordinator_pipelines.domain.answer.density import MOST_NORMALS, components, normal_mixture
from coordinator_pipelines.domain.ensemble.pool import alike, pooled

HALVES = np.array([[0.5, 0.5]])


def density(loc, scale=1.0):
    return {"type": "builtin", "name": "norm", "params": {"loc": loc, "scale": scale}}


def mixture(*parts):
    return {
        "type": "mixture",
        "components": [{"density": each, "weight": weight} for weight, each in parts],
    }


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.randoms())
def test_a_mean_lies_among_what_was_said_and_does_not_depend_on_the_order(said, random):
    shares = np.array([[random.random() + 0.01 for _ in said]])
    shares /= shares.sum()
    told = pooled([{"p_up": each} for each in said], shares)[0]["p_up"]
    assert min(said) - 1e-11 <= told <= max(said) + 1e-11
    order = list(range(len(said)))
    random.shuffle(order)
    again = pooled([{"p_up": said[k]} for k in order], shares[:, order])[0]["p_up"]
    assert again == pytest.approx(told, rel=1e-11, abs=1e-300)


def test_a_pool_of_densities_is_their_mixture_however_they_are_nested():
    nested = mixture((1, density(3.0)), (3, mixture((1, density(-1.0, 2.0)), (1, density(0.0)))))
    weights = np.array([[0.25, 0.75]])
    [told] = pooled([{"result": [density(1.0)]}, {"result": [nested]}], weights)
    x = np.linspace(-5, 5, 11)
    own = sum(part.weight * norm.pdf(x, part.loc, part.scale) for part in components(told))
    wanted = 0.25 * norm.pdf(x, 1.0) + 0.75 * (
        norm.pdf(x, 3.0) / 4 + 3 / 8 * norm.pdf(x, -1.0, 2.0) + 3 / 8 * norm.pdf(x, 0.0)
    )
    np.testing.assert_allclose(own, wanted)


def test_a_pool_of_many_densities_keeps_what_can_be_scored():
    outputs = [{"result": [density(float(k))]} for k in range(MOST_NORMALS + 50)]
    shares = np.arange(1.0, len(outputs) + 1)[None] ** 2
    [told] = pooled(outputs, shares / shares.sum())
    kept = normal_mixture(told)
    assert len(kept["loc"]) == MOST_NORMALS
    assert min(kept["loc"]) == 50.0  # the heaviest


def test_tables_and_lists_are_combined_part_by_part():
    outputs = [
        {"predictions": {"a": 1, "b": 2.0}, "steps": [1, 2], "by": "alice"},
        {"steps": [3, 4], "predictions": {"b": 4.0, "a": 3}, "by": "bob"},
    ]
    assert pooled(outputs, HALVES) == [{"predictions": {"a": 2.0, "b": 3.0}, "steps": [2.0, 3.0]}]


@pytest.mark.parametrize(
    "odd",
    [
        {"p_up": "0.5"},
        {"p_up": True},
        {"p_up": 10**400},
        {"p_up": 0.5, "more": 1},
        {"result": [density(0.0)]},
        {"result": [{"type": "mixture", "components": [{"density": 1}]}]},
        {"result": [{"type": "mixture", "components": [{"density": density(0), "weight": -1}]}]},
        {"result": [{"type": "mixture"}]},
        {"p_up": {"type": "mixture", "components": []}},
        {},
        [],
        None,
        7,
    ],
)
def test_who_answers_something_else_than_most_is_left_out(odd):
    outputs = [{"p_up": 0.4}, odd, {"p_up": 0.6}]
    places = alike(outputs)
    assert places == [0, 2]
    assert pooled([outputs[k] for k in places], HALVES) == [{"p_up": 0.5}]


def test_nothing_that_can_be_combined_is_nothing():
    assert alike([{}, None, {"why": "no idea"}]) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.just(density(0.5)),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "components", "weight", "density", "x"]), inner),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(JSON, min_size=1, max_size=5))
def test_whatever_is_answered_a_pool_is_json_or_nothing(outputs):
    places = alike(outputs)
    if places:
        shares = np.full((1, len(places)), 1 / len(places))
        json.dumps(pooled([outputs[k] for k in places], shares), allow_nan=False)
