"""Canonical JSON and its digest: how two computations are known to say the same.

Add here what makes content comparable; avoid deciding what belongs to the content.
"""

import hashlib
import json
import sys
from typing import Any

WRITTEN_WITH_EXPONENT = 10**16
"""From here on Python writes a float with an exponent, and PostgreSQL returns it without."""


def canonical(value: Any) -> str:
    """JSON with sorted keys and without spaces; raises ``ValueError`` for NaN and infinity.

    >>> canonical({"b": 1.5, "a": None})
    '{"a":null,"b":1.5}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits.

    The same before a value was stored and after it was read, whatever the database.

    >>> content_hash([-0.0, 1e18]) == content_hash([0.0, 1_000_000_000_000_000_000])
    True
    """
    return hashlib.sha256(canonical(as_read(value)).encode()).hexdigest()


def as_read(value: Any) -> Any:
    """Numbers as either database may return them: one without exponents or a negative zero.

    >>> as_read([-0.0, 10**16, 10**400 == as_read(10**400)])
    [0.0, 1e+16, True]
    """
    if isinstance(value, dict):
        return {name: as_read(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_read(item) for item in value]
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, int) and WRITTEN_WITH_EXPONENT <= abs(value) <= sys.float_info.max:
        return float(value)
    return value
