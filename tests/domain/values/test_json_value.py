import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.values.json_value import check_json, json_defect, path_text


def nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"p_up": float("nan")}, "p_up is NaN"),
        ({"result": [{"density": {"loc": float("-inf")}}]}, "result[0].density.loc is infinite"),
        ({"n": 2**63}, "n is a number beyond 64 bits"),
        ({"n": 10**5000}, "n is a number beyond 64 bits"),
        ({"a b": {1, 2}}, "['a b'] is a set, which JSON does not know"),
        ({"t": "\x00"}, "t holds a NUL character"),
        ({"t": "\ud800"}, "t holds a NUL character or half of a surrogate pair"),
        ({"\x00": 1}, "it has a key with a NUL character"),
        ({"a": {1: 2}}, "a has the key 1, which is not text"),
        (float("nan"), "it is NaN"),
        (nested(33), "is nested more than 32 levels deep"),
    ],
)
def test_what_cannot_be_stored_is_named_with_its_path(value, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        check_json(value)


def test_thirty_two_levels_are_allowed():
    check_json(nested(32))


def test_twenty_thousand_levels_and_a_cycle_are_refused_without_recursion():
    cycle = []
    cycle += [cycle, cycle]
    for value in (nested(20_000), cycle):
        assert json_defect(value) is not None


def test_tuples_and_numpy_floats_are_json_as_the_standard_library_writes_them():
    check_json({"points": [(1, 2.5)]})


def test_other_types_can_be_allowed_as_leaves():
    assert json_defect({"a": {1}}, also=(set,)) is None


def test_a_long_step_of_a_path_is_shortened():
    assert len(path_text(["x " * 1000])) < 70


plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
plain |= st.floats(allow_nan=False, allow_infinity=False)
plain |= st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.just("k"), inner)))
def test_what_is_let_through_survives_strict_json(value):
    check_json(value)
    assert json.loads(json.dumps(value, allow_nan=False)) == value
