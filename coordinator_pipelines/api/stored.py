"""Stored JSON texts, read strictly: an object or a list, and nothing that cannot be told.

Add a way of reading a stored document here; avoid what any document means.
"""

import json
import math
from typing import Any

from coordinator_pipelines.domain.values.json_text import UNSTORABLE, defect


def json_object(text: Any) -> dict[str, Any]:
    """The JSON object that a text holds.

    Raises:
        ValueError, TypeError: it holds something else.
    """
    value = json_value(text)
    if not isinstance(value, dict):
        raise ValueError(f"{str(text)[:60]!r} is not a JSON object")
    return value


def json_entries(text: Any) -> list[Any]:
    """The JSON array that a text holds. Whether an entry can be told is another question.

    Raises:
        ValueError, TypeError: it holds something else.
    """
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError(f"{str(text)[:60]!r} is not a JSON array")
    return value


def json_value(text: str | None) -> Any:
    """What a text holds; None for none.

    Raises:
        ValueError, TypeError: it is not JSON, or cannot be told.
    """
    if text is None:
        return None
    found = defect(text)
    if found:
        raise ValueError(found)
    return sound(json.loads(text))


def sound(value: Any) -> Any:
    """The value itself, if every number in it is finite and every text can be written.

    Raises:
        ValueError: one is not.
        OverflowError: a whole number is larger than any that a reader knows.
    """
    if isinstance(value, dict):
        for name, one in value.items():
            sound(name)
            sound(one)
    elif isinstance(value, list):
        for one in value:
            sound(one)
    elif isinstance(value, str):
        if UNSTORABLE.search(value):
            raise ValueError("a text holds a NUL character or half of a surrogate pair")
    elif value is not None and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return value
