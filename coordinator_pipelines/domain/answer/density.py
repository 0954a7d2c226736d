"""What a model's output says of the future: a probability of "up", or a density of the change.

Add a distribution to ``SURVIVAL`` when its P(X > 0) has a closed form in the standard library;
avoid scoring rules (``metrics``). The output is a stranger's: every number is checked, sizes and
depth are bounded, and no name is ever looked up outside the table below.

Densities are written as the package ``densitypdf`` reads them: ``{"type": "builtin", "name":
"norm", "params": {"loc": 0.5, "scale": 2.0}}``, or ``{"type": "mixture", "components":
[{"density": {...}, "weight": 0.3}, ...]}``. The type ``scipy`` is understood where the builtin of
the same name has the same parameters.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from coordinator_pipelines.domain.answer.number import finite, shown

MOST_COMPONENTS = 1000
MOST_NORMALS = 100
"""Components of a mixture that is kept as such: scoring one compares each with each."""
MOST_LEVELS = 4
LARGEST_NUMBER = 1e50
"""No location or scale is larger, and no scale smaller than one by it: so far scores are exact."""
LEAST_SHARE = 1e-120
"""A component with less of the whole is left out of a mixture that is scored: within the bounds
above it cannot change a score by a billionth."""


class Component(NamedTuple):
    """One distribution of a mixture, with its share of the whole."""

    weight: float
    name: str
    loc: float
    scale: float


def _norm(loc: float, scale: float) -> float:
    return 0.5 * math.erfc(-loc / scale / math.sqrt(2))


def _laplace(loc: float, scale: float) -> float:
    tail = 0.5 * math.exp(-abs(loc) / scale)
    return 1 - tail if loc > 0 else tail


def _cauchy(loc: float, scale: float) -> float:
    return math.atan2(scale, -loc) / math.pi  # 0.5 + atan(loc / scale) / pi loses small ones


SURVIVAL: dict[str, Callable[[float, float], float]] = {
    "norm": _norm,
    "laplace": _laplace,
    "cauchy": _cauchy,
}
"""P(X > 0) of each distribution known by name: those of the whole line with a closed form."""


def probability_up(output: Any) -> float:
    """P(price rises) in [0, 1] from a validated or raw output.

    Args:
        output: ``{"p_up": x}``; or ``{"result": [density]}`` or ``[density]`` with exactly one
            density, of the price change over the whole horizon.

    Raises:
        ValueError: it is none of these; the text says what is wrong and what would be right.

    >>> probability_up({"p_up": 0.7})
    0.7
    >>> normal = {"type": "builtin", "name": "norm", "params": {"loc": 1.0, "scale": 1.0}}
    >>> round(probability_up([normal]), 4)
    0.8413
    """
    return probabilities(output)[0]


def probabilities(output: Any) -> tuple[float, float]:
    """P(price rises) and P(it falls), each with all its digits, however near 1 the other is.

    Arguments and errors as of :func:`probability_up`.

    >>> normal = {"type": "builtin", "name": "norm", "params": {"loc": 10.0, "scale": 1.0}}
    >>> "{} {:.9g}".format(*probabilities([normal]))
    '1.0 7.61985302e-24'
    """
    if isinstance(output, Mapping) and "p_up" in output:
        up = _probability(output["p_up"])
        return up, 1 - up
    density = _only_density(output, otherwise='{"p_up": x} or ')
    parts = _parts(density)
    up, down = (
        math.fsum(part.weight * SURVIVAL[part.name](sign * part.loc, part.scale) for part in parts)
        for sign in (1, -1)
    )
    return min(1.0, up), min(1.0, down)


def probability_below(output: Any, change: float) -> float:
    """P(price change <= ``change``) of an output with exactly one density: its PIT, in [0, 1].

    Raises:
        ValueError: it holds no such density; the text says what is wrong.

    >>> normal = {"type": "builtin", "name": "norm", "params": {"loc": 1.0, "scale": 1.0}}
    >>> round(probability_below([normal], 0.0), 4)
    0.1587
    """
    parts = components(output)
    above = (part.weight * SURVIVAL[part.name](part.loc - change, part.scale) for part in parts)
    return min(1.0, max(0.0, 1 - math.fsum(above)))


def components(output: Any) -> list[Component]:
    """The distributions of which an output with exactly one density consists.

    Raises:
        ValueError: it holds no such density; the text says what is wrong.
    """
    return _parts(_only_density(output))


def expected_change(output: Any) -> float:
    """The mean of an output with exactly one density of the price change.

    Raises:
        ValueError: it holds no such density, or one without a mean; the text says what is wrong.

    >>> normal = {"type": "builtin", "name": "norm", "params": {"loc": 1.0, "scale": 2.0}}
    >>> expected_change([normal])
    1.0
    """
    parts = components(output)
    if any(part.name == "cauchy" and part.weight > 0 for part in parts):
        raise ValueError("cauchy has no mean")
    return math.fsum(part.weight * part.loc for part in parts)


def normal_mixture(output: Any) -> dict[str, list[float]]:
    """The normal densities of which a raw output consists: ``weight``, ``loc`` and ``scale``.

    Args:
        output: ``{"result": [density]}`` or ``[density]`` with exactly one density, of the price
            change over the whole horizon: ``norm``, or a mixture of at most ``MOST_NORMALS``.

    Returns:
        Three lists of one length, an entry per component with at least ``LEAST_SHARE`` of the
        whole. The weights sum to 1.

    Raises:
        ValueError: it is none of these; the text says what is wrong and what would be right.

    >>> normal = {"type": "builtin", "name": "norm", "params": {"loc": 1.0, "scale": 2.0}}
    >>> normal_mixture([normal])
    {'weight': [1.0], 'loc': [1.0], 'scale': [2.0]}
    """
    return _as_normals(components(output))


def normal_mixtures(output: Any) -> list[dict[str, list[float]]]:
    """As :func:`normal_mixture`, of an output with a density for each of several instants.

    Raises:
        ValueError: it holds none, or one of them is not scored; the text says which, from 1.
    """
    steps = output.get("result") if isinstance(output, Mapping) else output
    if not isinstance(steps, list) or not steps:
        raise ValueError('expected {"result": [density, ...]} or [density, ...]')
    mixtures = []
    for i, density in enumerate(steps):
        try:
            mixtures.append(_as_normals(_parts(density)))
        except ValueError as error:
            raise ValueError(f"density {i + 1}: {error}") from None
    return mixtures


def _as_normals(parts: list[Component]) -> dict[str, list[float]]:
    others = sorted({part.name for part in parts} - {"norm"})
    if others:
        raise ValueError(f"{', '.join(others)} is not scored here; use norm, or a mixture of norm")
    parts = [part for part in parts if part.weight >= LEAST_SHARE]
    if len(parts) > MOST_NORMALS:
        raise ValueError(f"{len(parts)} components; at most {MOST_NORMALS} are scored")
    return {
        "weight": [part.weight for part in parts],
        "loc": [part.loc for part in parts],
        "scale": [part.scale for part in parts],
    }


def _only_density(output: Any, otherwise: str = "") -> Any:
    """The density of an output that holds one; ``otherwise``: what could be given instead."""
    steps = output.get("result") if isinstance(output, Mapping) else output
    if not isinstance(steps, list):
        raise ValueError(f'expected {otherwise}{{"result": [density]}} or [density]')
    if len(steps) != 1:
        one = "one density of the change over the whole horizon"
        raise ValueError(f"{len(steps)} densities: give {otherwise}{one}")
    return steps[0]


def _parts(density: Any) -> list[Component]:
    return list(_components(density, 1.0, [MOST_COMPONENTS], MOST_LEVELS))


def _components(density: Any, weight: float, budget: list[int], levels: int) -> Iterator[Component]:
    """The distributions of a density, however it is nested; their weights sum to ``weight``."""
    if not isinstance(density, Mapping):
        raise ValueError(f"a density must be an object, not {shown(density)}")
    kind = density.get("type")
    if kind == "mixture":
        yield from _mixed(density.get("components"), weight, budget, levels - 1)
        return
    if kind not in ("builtin", "scipy"):
        raise ValueError(f"density type {shown(kind)} is unknown; use builtin or mixture")
    name, params = density.get("name"), density.get("params")
    if not isinstance(name, str) or name not in SURVIVAL:
        raise ValueError(f"distribution {shown(name)} is unknown; known: {', '.join(SURVIVAL)}")
    if not isinstance(params, Mapping):
        raise ValueError(f"params of {name} must be an object, not {shown(params)}")
    yield Component(weight, name, *_location_and_scale(params))


def _mixed(components: Any, weight: float, budget: list[int], levels: int) -> Iterator[Component]:
    if not isinstance(components, list) or not components:
        raise ValueError("a mixture must have a non-empty list of components")
    if levels < 1:
        raise ValueError(f"mixtures are nested more than {MOST_LEVELS - 1} deep")
    budget[0] -= len(components)
    if budget[0] < 0:
        raise ValueError(f"more than {MOST_COMPONENTS} components")
    if not all(isinstance(component, Mapping) for component in components):
        raise ValueError('a component must be {"density": {...}, "weight": w}')
    weights = [_weight(component.get("weight")) for component in components]
    largest = max(weights)
    if largest == 0:
        raise ValueError("the weights of a mixture sum to 0")
    shares = [each / largest for each in weights]  # so that no sum overflows
    whole = math.fsum(shares)
    for component, share in zip(components, shares, strict=True):
        yield from _components(component.get("density"), weight * share / whole, budget, levels)


def _location_and_scale(params: Mapping[str, Any]) -> tuple[float, float]:
    loc, scale = finite(params.get("loc"), "loc"), finite(params.get("scale"), "scale")
    if scale <= 0:
        raise ValueError(f"scale must be above 0, not {shown(scale)}: a density has a width")
    if scale < 1 / LARGEST_NUMBER:
        raise ValueError(f"scale must be at least {1 / LARGEST_NUMBER:g}, not {shown(scale)}")
    for name, number in (("loc", loc), ("scale", scale)):
        if abs(number) > LARGEST_NUMBER:
            raise ValueError(f"{name} must be at most {LARGEST_NUMBER:g}, not {shown(number)}")
    return loc, scale


def _probability(value: Any) -> float:
    number = finite(value, "p_up")
    if not 0 <= number <= 1:
        raise ValueError(f"p_up must be in [0, 1], not {shown(value)}")
    return number


def _weight(value: Any) -> float:
    number = finite(value, "weight")
    if number < 0:
        raise ValueError(f"weight must not be negative: {shown(value)}")
    return number
