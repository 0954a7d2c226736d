import math

import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.specs import changed

BOUND = 500.0


def norm(loc, scale, kind="builtin"):
    return {"type": kind, "name": "norm", "params": {"loc": loc, "scale": scale}}


def mixture(*densities):
    components = [{"density": density, "weight": 1} for density in densities]
    return {"type": "mixture", "components": components}


@pytest.fixture
def validate():
    scorer = "coordinator_pipelines.starter.scoring:score_predictions"
    spec = {"limits.density_bound": BOUND, "callables.SCORING_FUNCTION": scorer}
    return load_rules(checked_challenge(changed(spec))).validate


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([norm(0, 501)], "scale of a density is 501; at most 500"),
        ([norm(0, 1e60)], "scale of a density is 1e\\+60"),
        ([norm(-1e9, 1)], "loc of a density is -1e\\+09; at most 500"),
        ([norm(0, 1e-30)], "scale of a density is 1e-30; at least 5e-16"),
        ([norm(0, -2)], "scale of a density is -2; at least"),
        ([norm(math.inf, 2)], "loc of a density is inf"),
        ([norm(0, 10**400)], "scale of a density is inf"),
        ([mixture(norm(0, 1), mixture(norm(0, 1), norm(0, 1e58)))], "limits.density_bound"),
        ({"result": [norm(0, 1), {**norm(0, 900), "step": 60}]}, "scale of a density is 900"),
        ({"BTC": {"3600": [norm(0, 900, "scipy")]}}, "scale of a density is 900"),
        ([{"type": "scipy", "name": "t", "params": {"df": 3, "scale": 1e7}}], "scale of a density"),
    ],
)
def test_a_density_beyond_the_size_of_the_question_is_refused_wherever_it_stands(
    validate, output, message
):
    with pytest.raises(ValueError, match=message):
        validate(output)


def test_what_lies_within_is_left_as_it_is(validate):
    output = {"result": [mixture(norm(-500, 500), norm(0, 5e-16)), {"params": {"loc": 1e9}}]}
    assert validate(output) == output
    assert validate({"p_up": 0.5, "params": {"scale": 1e9}}) == {
        "p_up": 0.5, "params": {"scale": 1e9},
    }  # fmt: skip
