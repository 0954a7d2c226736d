"""Which JSON texts can be stored, alone and among others."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.values.json_text import defect, first_defect

BROKEN = [
    ("NaN", "NaN is not JSON"),
    ("[1, -Infinity]", "-Infinity is not JSON"),
    ("[1e999]", "1e999 is not a finite number"),
    ("[-1E+400]", "not a finite number"),
    ("9" * 400 + ".0", "not a finite number"),
    ("1],[2", "Extra data"),
    ("", "Expecting value"),
    ("{'a': 1}", "Expecting property name"),
    ('"a\nb"', "Invalid control character"),
    (r'["\u0000"]', "NUL"),
    (r'["\\\u0000"]', "NUL"),
    (r'["\ud800"]', "surrogate"),
    ('["\udc00"]', "surrogate"),
    ("9" * 5_000, "digits"),
]
SOUND = ["{}", " 1 ", "null", '"NaN"', r'["\ud83d\ude00"]', r'["\\u0000"]', '["é"]', "1e-999"]


@pytest.mark.parametrize(("text", "reason"), BROKEN)
def test_a_broken_text_is_told_apart_among_sound_ones(text: str, reason: str) -> None:
    found = defect(text)
    assert found is not None
    assert reason in found
    assert first_defect(['{"p_up": 0.5}', text, "NaN"]) == (1, found)


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_text_has_no_defect(text: str) -> None:
    assert defect(text) is None
    assert first_defect([text, text]) is None


def test_no_texts_have_no_defect() -> None:
    assert first_defect([]) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(value=VALUES, ascii_only=st.booleans())
def test_only_what_is_finite_and_has_no_nul_passes(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    sound = _is_sound(value)
    assert (defect(text) is None) == sound
    assert (first_defect([text]) is None) == sound


def _is_sound(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_sound, [*value.keys(), *value.values()]))
    if isinstance(value, list):
        return all(map(_is_sound, value))
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, float) or math.isfinite(value)
