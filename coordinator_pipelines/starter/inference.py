"""What models are told: the data of each tick."""

from typing import Any


def build_input(raw_input: dict[str, Any]) -> dict[str, Any]:
    """The prices as they come: asset -> new (unix seconds, price) pairs, oldest first."""
    return raw_input
