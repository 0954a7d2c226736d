"""Stored JSON texts, read strictly: an object or a list, and nothing that cannot be told.

Add a way of reading a stored document here; avoid what any document means.
"""

import json
from typing import Any

from coordinator_pipelines.domain.values.json_text import defect


def json_object(text: Any) -> dict[str, Any]:
    """The JSON object that a text holds.

    Raises:
        ValueError, TypeError: it holds something else.
    """
    value = _decoded(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text[:60]!r} is not a JSON object")
    return value


def json_list(text: Any) -> list[Any]:
    """The JSON array that a text holds.

    Raises:
        ValueError, TypeError: it holds something else.
    """
    value = _decoded(text)
    if not isinstance(value, list):
        raise ValueError(f"{text[:60]!r} is not a JSON array")
    return value


def json_value(text: str | None) -> Any:
    """What a text holds; None for none.

    Raises:
        ValueError, TypeError: it is not JSON.
    """
    return None if text is None else _decoded(text)


def _decoded(text: str) -> Any:
    found = defect(text)
    if found:
        raise ValueError(found)
    return json.loads(text)
