"""What may be asked of the API, from its OpenAPI document, for people.

Add here what a reader looks for; avoid markup (``templates``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a request may say."""

    name: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Described:
    """One path."""

    path: str
    text: tuple[str, ...]
    """Paragraphs."""
    parameters: tuple[Parameter, ...]


def described(document: Mapping[str, Any]) -> list[Described]:
    """The paths of an OpenAPI document that can be read, in its order."""
    return [
        Described(
            path,
            tuple(str(told["get"].get("description", "")).split("\n\n")),
            tuple(
                Parameter(one["name"], one.get("required", False), one.get("description", ""))
                for one in told["get"].get("parameters", ())
                if one["in"] in ("query", "path")
            ),
        )
        for path, told in document["paths"].items()
        if "get" in told
    ]
