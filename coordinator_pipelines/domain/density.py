"""What a model's output says about "up": a probability, or a density of the price change.

Add a distribution to ``SURVIVAL`` when its P(X > 0) has a closed form in the standard library;
avoid scoring rules (``metrics``). The output is a stranger's: every number is checked, sizes and
depth are bounded, and no name is ever looked up outside the table below.

Densities are written as the package ``densitypdf`` reads them: ``{"type": "builtin", "name":
"norm", "params": {"loc": 0.5, "scale": 2.0}}``, or ``{"type": "mixture", "components":
[{"density": {...}, "weight": 0.3}, ...]}``. The type ``scipy`` is understood where the builtin of
the same name has the same parameters.
"""

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

MOST_COMPONENTS = 1000
MOST_LEVELS = 4


def _norm(params: Mapping[str, Any]) -> float:
    loc, scale = _location_and_scale(params)
    return 0.5 * math.erfc(-loc / scale / math.sqrt(2))


def _laplace(params: Mapping[str, Any]) -> float:
    loc, scale = _location_and_scale(params)
    tail = 0.5 * math.exp(-abs(loc) / scale)
    return 1 - tail if loc > 0 else tail


def _cauchy(params: Mapping[str, Any]) -> float:
    loc, scale = _location_and_scale(params)
    return 0.5 + math.atan(loc / scale) / math.pi


SURVIVAL: dict[str, Callable[[Mapping[str, Any]], float]] = {
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
    if isinstance(output, Mapping) and "p_up" in output:
        return _probability(output["p_up"])
    steps = output.get("result") if isinstance(output, Mapping) else output
    if not isinstance(steps, list):
        raise ValueError('expected {"p_up": x}, {"result": [density]} or [density]')
    if len(steps) != 1:
        raise ValueError(
            f"{len(steps)} densities: p_up of several steps is not defined; give p_up, or one "
            "density of the change over the whole horizon"
        )
    return _survival(steps[0], [MOST_COMPONENTS], MOST_LEVELS)


def _survival(density: Any, budget: list[int], levels: int) -> float:
    if not isinstance(density, Mapping):
        raise ValueError(f"a density must be an object, not {_shown(density)}")
    kind = density.get("type")
    if kind == "mixture":
        return _mixture(density.get("components"), budget, levels - 1)
    if kind not in ("builtin", "scipy"):
        raise ValueError(f"density type {_shown(kind)} is unknown; use builtin or mixture")
    name, params = density.get("name"), density.get("params")
    if not isinstance(name, str) or name not in SURVIVAL:
        raise ValueError(f"distribution {_shown(name)} is unknown; known: {', '.join(SURVIVAL)}")
    if not isinstance(params, Mapping):
        raise ValueError(f"params of {name} must be an object, not {_shown(params)}")
    return SURVIVAL[name](params)


def _mixture(components: Any, budget: list[int], levels: int) -> float:
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
    shares = [weight / largest for weight in weights]  # so that no sum overflows
    parts = [_survival(component.get("density"), budget, levels) for component in components]
    weighted = math.fsum(share * part for share, part in zip(shares, parts, strict=True))
    return min(1.0, weighted / math.fsum(shares))


def _location_and_scale(params: Mapping[str, Any]) -> tuple[float, float]:
    loc, scale = _number(params.get("loc"), "loc"), _number(params.get("scale"), "scale")
    if scale <= 0:
        raise ValueError(f"scale must be above 0, not {_shown(scale)}: a density has a width")
    return loc, scale


def _probability(value: Any) -> float:
    number = _number(value, "p_up")
    if not 0 <= number <= 1:
        raise ValueError(f"p_up must be in [0, 1], not {_shown(value)}")
    return number


def _weight(value: Any) -> float:
    number = _number(value, "weight")
    if number < 0:
        raise ValueError(f"weight must not be negative: {_shown(value)}")
    return number


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, not {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, not {_shown(value)}")
    return number


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= 60 else text[:57] + "..."
