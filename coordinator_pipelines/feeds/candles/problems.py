"""How broken candles are reported: every kind at once, with where, what and what to do.

Add here what concerns the wording of the report; avoid rules about candles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of broken row: what is wrong, how often, the first places, and what to do."""

    kind: str
    advice: str
    count: int
    examples: tuple[str, ...]
    """Such as ``line 17 (low=3.0, high=2.0)``; the first :data:`EXAMPLES` of them."""

    def __str__(self) -> str:
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        more = self.count - len(self.examples)
        places = "; ".join(self.examples) + (f"; and {more:,} more" if more else "")
        return f"- {self.kind}: {rows}: {places}. {self.advice}"


def report(head: str, problems: Sequence[Problem]) -> str:
    """The text of a refusal: one line per kind of problem."""
    return "\n".join([f"{head}:", *map(str, problems)])
