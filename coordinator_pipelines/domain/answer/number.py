"""A number in a stranger's answer: checked before anything is computed from it.

Add here what holds for numbers of all answers; avoid what they mean.
"""

import math
from numbers import Real
from typing import Any


def finite(value: Any, name: str) -> float:
    """The number.

    Raises:
        ValueError: it is none, or not finite; the text names it.

    >>> finite(3, "loc")
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, not {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, not {shown(value)}")
    return number


def within(value: Any, name: str, bound: float) -> float:
    """The number, at most ``bound`` away from 0: ``limits.density_bound`` of the challenge.

    Raises:
        ValueError: it is none, or beyond it; the text names it.
    """
    number = finite(value, name)
    if abs(number) > bound:
        raise ValueError(
            f"{name} is {number:g}; at most {bound:g} is an answer to this question "
            "(limits.density_bound)"
        )
    return number


def shown(value: Any) -> str:
    """A value as an error tells of it: not longer than 60 characters."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= 60 else text[:57] + "..."
