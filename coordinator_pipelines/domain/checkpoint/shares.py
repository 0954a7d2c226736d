"""Exact arithmetic of shares: what is left over, caps, and whole numbers that add up.

Add arithmetic here; avoid who earns what (``strategies``). Parts are fractions of 1 and exact;
shares are whole numbers of billionths.
"""

from collections.abc import Sequence
from fractions import Fraction

from coordinator_pipelines.domain.spec.emission import Rest

WHOLE = 1_000_000_000
"""100 % in billionths, as emissions count."""


def exact(number: float) -> Fraction:
    """A number as it is written: 0.1 is a tenth.

    >>> exact(0.1)
    Fraction(1, 10)
    """
    return Fraction(str(number))


def in_billionths(fraction: float) -> Fraction:
    """A bound rounded down to whole billionths, which no share that is rounded up can pass."""
    return Fraction(int(exact(fraction) * WHOLE), WHOLE)


def distributed(
    parts: Sequence[Fraction], cap: Fraction, rest: Rest
) -> tuple[list[Fraction], Fraction]:
    """Parts with what is left of 1 handed out, none above the cap; and what nobody may have.

    Args:
        parts: of each payee, not below 0, together at most 1.
        cap: the most that one payee may have.
        rest: ``equally`` among all payees, ``proportionally`` to their parts, or none of it
            (``treasury``).

    Whoever reaches the cap gets no more; what that leaves over is handed out again.

    >>> distributed([Fraction(1, 2), Fraction(1, 4)], Fraction(1), "equally")[0]
    [Fraction(5, 8), Fraction(3, 8)]
    """
    amounts = [min(part, cap) for part in parts]
    while (left := 1 - sum(amounts, Fraction())) > 0 and rest != "treasury":
        weights = [
            Fraction(0) if amount >= cap else Fraction(1) if rest == "equally" else part
            for part, amount in zip(parts, amounts, strict=True)
        ]
        total = sum(weights, Fraction())
        if total == 0:
            break
        amounts = [
            min(amount + left * weight / total, cap)
            for amount, weight in zip(amounts, weights, strict=True)
        ]
    return amounts, left


def largest_remainder(parts: Sequence[Fraction], whole: int = WHOLE) -> list[int]:
    """Whole numbers in proportion to the parts, which add up to ``whole``.

    The method of the largest remainder (Hamilton, Hare-Niemeyer). Of equal remainders the
    earlier part comes first, so that in descending order of parts no later share is greater.

    Raises:
        ValueError: no part is above 0.

    >>> largest_remainder([Fraction(1, 3)] * 3, 100)
    [34, 33, 33]
    """
    total = sum(parts, Fraction())
    if total <= 0:
        raise ValueError("there is nothing to share out")
    exactly = [part * whole / total for part in parts]
    shares = [int(amount) for amount in exactly]
    remainders = [amount - share for amount, share in zip(exactly, shares, strict=True)]
    order = sorted(range(len(parts)), key=lambda i: (-remainders[i], i))
    for i in order[: whole - sum(shares)]:
        shares[i] += 1
    return shares
