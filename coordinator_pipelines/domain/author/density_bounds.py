"""How large the numbers of a density may be, whoever's code reads and scores it afterwards.

Add here what a density must keep to in every challenge; avoid reading densities (``density``):
a challenge may know distributions that the engine does not.
"""

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

NARROWEST = 1e-18
"""Least ``scale``, as a share of the bound."""


def check_densities(output: Any, bound: float) -> None:
    """Refuse an output in which a density has numbers beyond the size of the question.

    Args:
        output: what a model answered; ``params`` of a density are found however deep they are.
        bound: ``limits.density_bound``.

    Raises:
        ValueError: a number of ``params`` is beyond the bound, or a ``scale`` is far below it.

    >>> check_densities([{"type": "builtin", "name": "norm", "params": {"loc": 0, "scale": 9}}], 10)
    """
    for name, number in _params(output):
        if not abs(number) <= bound:
            raise ValueError(
                f"{name} of a density is {number:g}; at most {bound:g} is an answer to this "
                "question (limits.density_bound)"
            )
        if name == "scale" and number < NARROWEST * bound:
            raise ValueError(
                f"scale of a density is {number:g}; at least {NARROWEST * bound:g} is an answer "
                "to this question (limits.density_bound)"
            )


def _params(output: Any) -> Iterator[tuple[str, float]]:
    """The numbers of all ``params``, with their names."""
    unseen = [output]
    while unseen:
        value = unseen.pop()
        if isinstance(value, list):
            unseen += value
        elif isinstance(value, Mapping):
            unseen += value.values()
            params = value.get("params")
            if "type" in value and isinstance(params, Mapping):
                yield from ((name, _float(n)) for name, n in params.items() if _is_number(n))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
