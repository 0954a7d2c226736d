"""Canonical JSON: RFC 8785's own examples, and two implementations that agree on everything."""

import json
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.evidence.canonical import canonical_json
from coordinator_pipelines.verify_evidence import canonical

NUMBERS = {
    "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308", "4340000000000000": "9007199254740992",
    "4430000000000000": "295147905179352830000", "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23", "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000", "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21", "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001", "41b3de4355555553": "333333333.3333332",
    "41b3de4355555557": "333333333.33333343", "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2", "8000000000000000": "0",
}  # fmt: skip
"""Doubles by their bits, from appendix B of the RFC."""

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_numbers_are_written_as_the_rfc_says(bits: str, written: str) -> None:
    [number] = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == written
    assert canonical_json(number).decode() == written


def test_keys_are_sorted_by_utf_16_and_texts_are_barely_escaped() -> None:
    told = {"\u20ac": "Euro", "\r": "CR", "\ufb33": "Hebrew", "1": "One", "\U0001f600": "Smiley"}
    told |= {"\x80": "Control", "\xf6": "o"}
    written = canonical_json(told).decode()
    assert list(json.loads(written).values()) == [
        "CR", "One", "Control", "o", "Euro", "Smiley", "Hebrew",
    ]  # fmt: skip
    assert written == canonical(told)
    assert canonical('€$\x0f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("whole", [10**400, 2**1024, 2**1024 - 2**970, 2**1024 - 2**970 - 1])
def test_a_whole_number_beyond_all_doubles_is_written_as_text(whole: int, sign: int) -> None:
    assert canonical_json(sign * whole) == f'"{sign * whole}"'.encode()
    assert canonical(sign * whole) == f'"{sign * whole}"'


@given(values)
def test_both_implementations_write_the_same(value: object) -> None:
    assert canonical(value) == canonical_json(value).decode()


@given(values)
def test_what_was_written_reads_as_what_it_was_written_from(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_json(value)
    with pytest.raises((ValueError, TypeError)):
        canonical(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_the_same_without_its_exponent(value: float) -> None:
    plain = json.loads(f"{Decimal(repr(value)):f}")
    assert canonical(plain) == canonical_json(plain).decode() == canonical(value)


def test_a_number_means_the_same_however_a_database_gives_it_back() -> None:
    assert canonical_json([1e18, -0.0, 1.50]) == canonical_json([10**18, 0, 1.5])
    assert canonical_json(2**53 + 1) != canonical_json(2**53)


ascii_texts = st.text(st.characters(max_codepoint=127))
usual = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(-1e17, 1e17)
    | st.floats(-1e-3, 1e-3) | ascii_texts,
    lambda inner: st.lists(inner) | st.dictionaries(ascii_texts, inner),
)  # fmt: skip


@given(usual)
def test_what_is_written_the_quick_way_is_written_alike(value: object) -> None:
    assert canonical_json(value).decode() == canonical(value)
