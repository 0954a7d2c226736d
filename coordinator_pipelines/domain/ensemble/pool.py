"""Answers combined: numbers averaged, densities mixed, objects and lists part by part.

Add here how another kind of answer is combined; avoid who has which weight (``weights``).

Only answers of one shape are combined: a model that answers something else than most is left out of
the round, so that nobody can spoil it for the others. The mixture of densities is the linear pool.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.answer.density import MOST_NORMALS

Array = NDArray[np.float64]

LARGEST_NUMBER = 1e100
DIGITS = 12
"""Significant digits of a number that is told: the last bits of a sum are not the same everywhere.
So the same answers make the same answer, whoever computes it."""


def alike(outputs: Sequence[Any]) -> list[int]:
    """The places of the answers of the most common shape; none if there is nothing to combine."""
    shapes = [_shape(output) for output in outputs]
    counts = Counter(shape for shape in shapes if shape is not None)
    if not counts:
        return []
    most = max(counts.values())
    common = min((shape for shape, count in counts.items() if count == most), key=repr)
    return [place for place, shape in enumerate(shapes) if shape == common]


def pooled(outputs: Sequence[Any], weights: Array) -> list[Any]:
    """One combination of the answers for each row of weights.

    Args:
        outputs: JSON values of one shape (:func:`alike`), m of them.
        weights: [row, m], at least 0; each row sums to 1.

    What is neither a number nor a density, or differs in shape, is left out.

    >>> pooled([{"p_up": 0.25, "why": "a"}, {"p_up": 0.75, "why": "b"}], np.array([[0.5, 0.5]]))
    [{'p_up': 0.5}]
    """
    first = outputs[0]
    if _is_number(first):
        return [_told(value) for value in weights @ np.array(outputs, dtype=np.float64)]
    if _is_density(first):
        return [_mixture(outputs, row) for row in weights]
    if isinstance(first, Mapping):
        names = [name for name in first if _shape(first[name]) is not None]
        columns = {name: pooled([each[name] for each in outputs], weights) for name in names}
        return [{name: column[k] for name, column in columns.items()} for k in range(len(weights))]
    parts = [pooled([each[k] for each in outputs], weights) for k in range(len(first))]
    return [list(row) for row in zip(*parts, strict=True)]


def _shape(value: Any) -> Hashable | None:
    """What answers that can be combined have in common; None for what cannot be."""
    if _is_number(value):
        return "number"
    if _is_density(value):
        return "density" if _parts(value) else None
    if isinstance(value, Mapping):
        parts = {name: _shape(value[name]) for name in value}
        known = sorted((name, shape) for name, shape in parts.items() if shape is not None)
        return ("object", *known) if known else None
    if isinstance(value, list) and value:
        shapes = [_shape(each) for each in value]
        return None if None in shapes else ("list", *shapes)
    return None


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= LARGEST_NUMBER


def _is_density(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def _told(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _mixture(densities: Sequence[Any], weights: Array) -> Any:
    """The mixture of densities, of no more components than are scored: the heaviest."""
    parts = [
        (weight * share, density)
        for each, weight in zip(densities, weights.tolist(), strict=True)
        if weight > 0
        for share, density in _parts(each)
    ]
    parts = sorted(parts, key=lambda part: -part[0])[:MOST_NORMALS]
    if len(parts) == 1:
        return parts[0][1]
    components = [{"density": density, "weight": _told(weight)} for weight, density in parts]
    return {"type": "mixture", "components": components}


def _parts(density: Mapping[str, Any]) -> list[tuple[float, Any]]:
    """The densities that a mixture consists of, however nested, with their shares.

    None of them if it cannot be read.
    """
    if density["type"] != "mixture":
        return [(1.0, density)]
    inner = density.get("components")
    if not isinstance(inner, list) or not all(map(_is_component, inner)):
        return []
    largest = max((part["weight"] for part in inner), default=0)
    shares = [part["weight"] / largest if largest else 0.0 for part in inner]
    whole = math.fsum(shares)
    return [
        (share / whole * own, leaf)
        for share, part in zip(shares, inner, strict=True)
        if share > 0
        for own, leaf in _parts(part["density"])
    ]


def _is_component(value: Any) -> bool:
    known = isinstance(value, Mapping) and _is_density(value.get("density"))
    return known and _is_number(value.get("weight")) and value["weight"] >= 0
