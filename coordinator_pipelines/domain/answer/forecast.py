"""Answers of several numbers: samples, quantiles at declared levels, and sampled paths.

Add here how such an answer is written and what it must keep to; avoid densities (``density``) and
scoring rules (``metrics``). The answer is a stranger's: every number is checked, sizes are bounded.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from coordinator_pipelines.domain.answer.number import shown, within

MOST_SAMPLES = 10_000
MOST_PATHS = 500
"""Scoring paths compares each with each."""


def samples(output: Any, bound: float) -> list[float]:
    """The draws of ``{"samples": [x, ...]}``: 1 to ``MOST_SAMPLES`` changes of the price.

    Raises:
        ValueError: it is not that, or a number is beyond ``bound``; the text says what is wrong.

    >>> samples({"samples": [-1, 0.5, 2]}, bound=1e6)
    [-1.0, 0.5, 2.0]
    """
    return _numbers(_only(output, "samples", "[x, ...]"), "samples", bound, MOST_SAMPLES)


def quantiles(output: Any, levels: Sequence[float], bound: float) -> list[float]:
    """The values of ``{"quantiles": [[level, value], ...]}``, at exactly the levels declared.

    Args:
        output: what a model answered.
        levels: those of the spec, ascending.
        bound: most that a value may be away from 0.

    Raises:
        ValueError: it is not that, or the values descend; the text says what is wrong.

    >>> quantiles({"quantiles": [[0.25, -2.0], [0.75, 3.0]]}, [0.25, 0.75], bound=1e6)
    [-2.0, 3.0]
    """
    pairs = _only(output, "quantiles", "[[level, value], ...]")
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise ValueError("quantiles must be a list of [level, value]")
    given = [level for level, _ in pairs]
    if given != list(levels):
        wanted = ", ".join(f"{level:g}" for level in levels)
        raise ValueError(f"the levels of quantiles must be {wanted}, in this order")
    values = [within(value, f"the quantile at {level:g}", bound) for level, value in pairs]
    for k in range(1, len(values)):
        if values[k] < values[k - 1]:
            raise ValueError(
                f"the quantile at {levels[k]:g} is {values[k]:g}, below that at "
                f"{levels[k - 1]:g}, {values[k - 1]:g}: quantiles ascend"
            )
    return values


def paths(output: Any, steps: Collection[int], bound: float) -> list[list[float]]:
    """The draws of ``{"paths": [[x1, ..., xk], ...]}``: 1 to ``MOST_PATHS``, of k steps each.

    Args:
        output: what a model answered.
        steps: how many steps a round may have.
        bound: most that a number may be away from 0.

    Raises:
        ValueError: it is not that; the text says what is wrong.
    """
    drawn = _only(output, "paths", "[[x1, x2, ...], ...]")
    if not isinstance(drawn, list) or not 1 <= len(drawn) <= MOST_PATHS:
        raise ValueError(f"paths must be a list of 1 to {MOST_PATHS} paths")
    own = [_numbers(path, f"paths[{i}]", bound, max(steps)) for i, path in enumerate(drawn)]
    lengths = {len(path) for path in own}
    if len(lengths) > 1 or not lengths <= set(steps):
        raise ValueError(f"each path must have {_of(steps)} steps, not {_of(lengths)}")
    return own


def check_steps(found: int, steps: Collection[int]) -> None:
    """Refuse a number of densities that no round asks for.

    Raises:
        ValueError: it is another one; the text says which would be right.
    """
    if found not in steps:
        raise ValueError(f"{found} densities; one for each of the {_of(steps)} steps is expected")


def _of(counts: Collection[int]) -> str:
    return " or ".join(map(str, sorted(counts)))


def _only(output: Any, name: str, meant: str) -> Any:
    if not isinstance(output, Mapping) or set(output) != {name}:
        found = sorted(map(str, output)) if isinstance(output, Mapping) else output
        raise ValueError(f'expected {{"{name}": {meant}}}, not {shown(found)}')
    return output[name]


def _numbers(values: Any, name: str, bound: float, most: int) -> list[float]:
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise ValueError(f"{name} must be a list of 1 to {most} numbers")
    return [within(value, f"{name}[{i}]", bound) for i, value in enumerate(values)]
