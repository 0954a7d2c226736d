import math
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.answer.density import normal_mixture, probability_up


def norm(loc, scale, kind="builtin"):
    return {"type": kind, "name": "norm", "params": {"loc": loc, "scale": scale}}


def mixture(*parts):
    components = [{"density": density, "weight": weight} for density, weight in parts]
    return {"type": "mixture", "components": components}


@pytest.mark.parametrize("p_up", [0, 1, 0.25])
def test_a_probability_is_taken_as_it_is(p_up):
    assert probability_up({"p_up": p_up}) == p_up


@pytest.mark.parametrize(
    "p_up", [True, "0.5", None, math.nan, math.inf, -0.01, 1.01, [0.5], 10**400, 1j]
)
def test_what_is_no_probability_is_refused(p_up):
    with pytest.raises(ValueError, match="p_up must be"):
        probability_up({"p_up": p_up})


@given(st.floats(-5, 5), st.floats(0.1, 5))
def test_a_normal_density_gives_its_mass_above_zero(loc, scale):
    expected = 1 - NormalDist(loc, scale).cdf(0)
    assert probability_up({"result": [norm(loc, scale)]}) == pytest.approx(expected, abs=1e-12)


def test_the_same_density_may_come_as_a_bare_list_and_with_a_step():
    assert probability_up([{**norm(1, 1), "step": 60}]) == probability_up({"result": [norm(1, 1)]})


@pytest.mark.parametrize(("name", "expected"), [("laplace", 0.8160602794), ("cauchy", 0.75)])
def test_other_distributions_of_the_whole_line_are_known(name, expected):
    density = {"type": "builtin", "name": name, "params": {"loc": 1.0, "scale": 1.0}}
    assert probability_up([density]) == pytest.approx(expected, abs=1e-9)
    density["params"]["loc"] = -1.0
    assert probability_up([density]) == pytest.approx(1 - expected, abs=1e-9)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.floats(-9, 9), st.floats(0.01, 9), st.floats(0, 1e300)), min_size=1, max_size=8
    ).filter(lambda parts: any(weight > 0 for *_, weight in parts))
)
def test_a_mixture_is_a_probability_between_those_of_its_components(parts):
    result = probability_up([mixture(*((norm(loc, s), w) for loc, s, w in parts))])
    each = [probability_up([norm(loc, scale)]) for loc, scale, _ in parts]
    assert min(each) - 1e-12 <= result <= max(each) + 1e-12
    assert 0 <= result <= 1


def test_weights_are_normalised():
    assert probability_up([mixture((norm(50, 1), 3), (norm(-50, 1), 1))]) == pytest.approx(0.75)


def test_mixtures_may_be_nested_a_few_levels_and_no_deeper():
    density = norm(0, 1)
    for _ in range(3):
        density = mixture((density, 1))
    assert probability_up([density]) == 0.5
    with pytest.raises(ValueError, match="nested more than 3 deep"):
        probability_up([mixture((density, 1))])


def test_many_components_are_refused_wherever_they_are():
    inner = mixture(*[(norm(0, 1), 1)] * 600)
    with pytest.raises(ValueError, match="more than 1000 components"):
        probability_up([mixture((inner, 1), (inner, 1))])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([], "0 densities"),
        ([norm(0, 1), norm(0, 1)], "2 densities: give .* or one density"),
        ({"result": 0.5}, "expected"),
        ({}, "expected"),
        (None, "expected"),
        (0.5, "expected"),
        ("up", "expected"),
        ([0.5], "must be an object"),
        ([{"type": "evil", "name": "norm"}], "type 'evil' is unknown"),
        ([{"type": "scipy", "name": "rv_histogram"}], "known: norm, laplace, cauchy"),
        ([{"type": "builtin", "name": ["norm"]}], "is unknown"),
        ([{"type": "builtin", "name": "norm"}], "params of norm"),
        ([{"type": "builtin", "name": "norm", "params": {"mu": 0, "sigma": 1}}], "loc must be"),
        ([norm(0, 0)], "scale must be above 0"),
        ([norm(0, -1)], "scale must be above 0"),
        ([norm(math.nan, 1)], "loc must be finite"),
        ([norm(0, True)], "scale must be a number"),
        ([mixture((norm(0, 1), -1))], "weight must not be negative"),
        ([mixture((norm(0, 1), 0))], "sum to 0"),
        ([mixture((norm(0, 1), math.inf))], "weight must be finite"),
        ([mixture()], "non-empty list"),
        ([{"type": "mixture", "components": [1]}], "a component must be"),
    ],
)
def test_every_malformed_output_is_refused_with_the_reason(output, message):
    with pytest.raises(ValueError, match=message):
        probability_up(output)


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["p_up", "result", "type", "name", "params", "components", "density", "weight"]
        ),
        inner | st.sampled_from(["mixture", "builtin", "norm"]),
        max_size=4,
    ),
    max_leaves=12,
))  # fmt: skip
def test_whatever_a_stranger_sends_is_a_probability_or_a_value_error(output):
    try:
        result = probability_up(output)
    except ValueError:
        return
    assert 0 <= result <= 1


def test_the_components_of_nested_mixtures_are_kept_with_their_share():
    inner = mixture((norm(1, 2), 1), (norm(3, 4), 3))
    kept = normal_mixture({"result": [mixture((norm(0, 1), 2), (inner, 2))]})
    assert kept == {"weight": [0.5, 0.125, 0.375], "loc": [0, 1, 3], "scale": [1, 2, 4]}


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"p_up": 0.5}, r'expected \{"result"'),
        ([norm(0, 1), norm(0, 1)], "2 densities: give one density"),
        ([{**norm(0, 1), "name": "cauchy"}], "cauchy is not scored here; use norm"),
        ([mixture(*[(norm(0, 1), 1)] * 101)], "101 components; at most 100"),
        ([norm(0, 0)], "scale must be above 0"),
    ],
)
def test_what_is_no_mixture_of_normals_is_refused_with_the_reason(output, message):
    with pytest.raises(ValueError, match=message):
        normal_mixture(output)
