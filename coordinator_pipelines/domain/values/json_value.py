"""Whether a Python value is JSON that can be stored: finite, bounded, with a path to what is not.

Add here what makes a value unfit wherever it comes from; avoid the meaning of any document.
Texts are the business of ``json_text``; this module sees what authors and models hand over.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 32
MAX_VALUES = 1_000_000
_UNSTORABLE_TEXT = re.compile(r"[\ud800-\udfff\0]")
_Path = tuple[Any, Any] | None
"""The path to a value as (path to its container, key or index); None at the top."""


def check_json(value: Any) -> None:
    """Nothing, if the value is storable JSON.

    Raises:
        ValueError: naming the path, such as ``p_up is NaN``.

    >>> check_json({"p_up": 0.5})
    >>> check_json({"densities": [{"scale": float("inf")}]})
    Traceback (most recent call last):
    ValueError: densities[0].scale is infinite
    """
    found = json_defect(value)
    if found is not None:
        raise ValueError(f"{found[0] or 'it'} {found[1]}")


def json_defect(value: Any, also: tuple[type, ...] = ()) -> tuple[str, str] | None:
    """Path and defect of the first value that is not storable JSON, or None.

    ``also``: further types that count as leaves. Breadth first and without recursion, so that
    nesting costs nothing; values that hold themselves end at the depth limit.
    """
    queue: list[tuple[Any, _Path, int]] = [(value, None, 1)]
    for item, path, depth in queue:
        if isinstance(item, dict | list | tuple):
            defect = _container_defect(item, depth, len(queue))
            children = item.items() if isinstance(item, dict) else enumerate(item)
            if defect is None:
                queue.extend((child, (path, key), depth + 1) for key, child in children)
        else:
            defect = None if isinstance(item, also) else _leaf_defect(item)
        if defect is not None:
            return path_text(_steps(path)), defect
    return None


def is_deep(value: Any) -> bool:
    """Whether parsed JSON is nested more than MAX_DEPTH levels deep; no recursion, as above.

    >>> is_deep([{"a": []}])
    False
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        containers = [item for item in level if isinstance(item, dict | list)]
        level = [
            child
            for item in containers
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return any(isinstance(item, dict | list) for item in level)


def path_text(steps: Iterable[Any]) -> str:
    """A path for people: ``result[0].density``; keys that are no plain names are quoted.

    >>> path_text(["configs", 0, "scope", "a b"])
    "configs[0].scope['a b']"
    """
    text = ""
    for step in steps:
        if isinstance(step, str) and re.fullmatch(r"[\w-]+", step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]" if len(repr(step)) <= 60 else f"[{repr(step)[:57]}...]"
    return text


def _container_defect(item: Any, depth: int, seen: int) -> str | None:
    if depth > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} levels deep"
    if seen + len(item) > MAX_VALUES:
        return f"makes it more than {MAX_VALUES} values"
    if isinstance(item, dict):
        for key in item:
            if not isinstance(key, str):
                return f"has the key {str(key)[:60]}, which is not text"
            if _UNSTORABLE_TEXT.search(key):
                return "has a key with a NUL character or half of a surrogate pair"
    return None


def _leaf_defect(item: Any) -> str | None:
    if item is None or isinstance(item, bool):
        return None
    if isinstance(item, float):
        if math.isfinite(item):
            return None
        return "is NaN" if math.isnan(item) else "is infinite"
    if isinstance(item, int):
        return None if -(2**63) <= item < 2**63 else "is a number beyond 64 bits"
    if isinstance(item, str):
        broken = _UNSTORABLE_TEXT.search(item)
        return "holds a NUL character or half of a surrogate pair" if broken else None
    return f"is a {type(item).__name__}, which JSON does not know"


def _steps(path: _Path) -> list[Any]:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    return steps[::-1]
