"""How a file was read, in words: what was recognised, left out, turned round and skipped.

Add here what a reader must be told so that a wrong reading cannot be missed; avoid rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of a file."""

    layout: str
    times: str
    """Unit or notation of its times, such as ``microseconds``."""
    columns: Sequence[tuple[str, str]]
    """Column of a candle and what the file calls it, or its number without a header."""
    left_out: Sequence[str] = ()
    notes: Sequence[str] = ()
    """What else the reader should know, a sentence each without its stop."""

    def __str__(self) -> str:
        """Such as ``read as binance-vision, microseconds; newest first, and so sorted``."""
        return "; ".join([f"read as {self.layout}, {self.times}", *self.notes])
