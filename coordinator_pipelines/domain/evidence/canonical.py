"""Canonical JSON after RFC 8785: what third parties recompute, byte for byte, in any language.

Add here what makes a stored value canonical; avoid what belongs to a document (``entry``), and
comparisons of this program with itself (``values.content``).
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import rfc8785

EXACT = 2**53
"""RFC 8785 takes whole numbers below this one; beyond, a double skips some."""
LEAST_PLAIN, MOST_PLAIN = 1e-4, 1e16
"""Floats between which Python writes no exponent."""

_SPECIAL = re.compile(r"[^\0-\x7f]|\.0(?!\d)|\de[+-]|(?<![.\d])\d{16}")
"""In JSON as Python writes it, what RFC 8785 may write otherwise; see :func:`_is_written_alike`."""

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> bytes:
    """The value as RFC 8785 writes it, whichever database it was read from.

    A whole number of 2^53 or more is written as the double that it equals or that is written like
    it, and as text if there is none: one database gives 1e18 back as a whole number, the other one
    does not.

    Raises:
        ValueError: it is no JSON, or not finite.

    >>> canonical_json({"b": 1e18, "a": -0.0})
    b'{"a":0,"b":1000000000000000000}'
    >>> canonical_json([2**53 + 1])
    b'["9007199254740993"]'
    """
    exact = _exact(value)
    if _is_written_alike(exact):
        return _encoder.encode(exact).encode()
    return rfc8785.dumps(exact)


def canonical_texts(texts: Sequence[str | None]) -> list[str]:
    """:func:`canonical_json` of stored JSON texts, as text: of many at once, and quicker.

    >>> canonical_texts(['{"b": 1.0, "a": 0.25}', None])
    ['{"a":0.25,"b":1}', 'null']
    """
    distinct = dict.fromkeys(text for text in texts if text is not None)
    values = json.loads(f"[{','.join(distinct)}]")
    written = list(map(_encoder.encode, values))
    if _SPECIAL.search("\n".join(written)):
        written = [
            canonical_json(value).decode() if _SPECIAL.search(text) else text
            for value, text in zip(values, written, strict=True)
        ]
    known: dict[str | None, str] = {None: "null", **dict(zip(distinct, written, strict=True))}
    return [known[text] for text in texts]


def parsed(text: str | None) -> Any:
    """A stored JSON text as a value; None stays None."""
    return None if text is None else json.loads(text)


def instant_text(instant: Any) -> str:
    """An instant in UTC, with as many digits as it needs: ``2025-01-01T00:00:00Z``."""
    return instant_of(instant).isoformat().replace("+00:00", "Z")


def instant_of(instant: Any) -> datetime:
    """An instant of a frame, in UTC."""
    at: datetime = pd.Timestamp(instant).to_pydatetime().astimezone(UTC)
    return at


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, float) and value % 1 == 0 and abs(value) < EXACT:
        return int(value)
    if isinstance(value, int) and abs(value) >= EXACT:
        return _nearest(value)
    return value


def _is_written_alike(value: Any) -> bool:
    """Whether Python writes the value as RFC 8785 does, as nearly all there are: ten times as fast.

    Not numbers that either writes with an exponent or without a point, nor texts beyond ASCII,
    whose order as keys is another one.
    """
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, float):
        return LEAST_PLAIN <= abs(value) < MOST_PLAIN and value % 1 != 0
    if isinstance(value, dict):
        return all(map(str.isascii, value)) and all(map(_is_written_alike, value.values()))
    if isinstance(value, list):
        return all(map(_is_written_alike, value))
    return value is None or isinstance(value, int)


def _nearest(value: int) -> float | str:
    try:
        near = float(value)
    except OverflowError:  # beyond all doubles: a model may answer anything
        return str(value)
    return near if value in (int(near), int(Decimal(repr(near)))) else str(value)
