"""How broken candles are reported: every kind at once, with where, what and what to do.

Add here what concerns the wording of the report; avoid rules about candles. A file is untrusted:
whatever of it is shown is short and on one line, and no report is longer than a screen.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from coordinator_pipelines.domain.values.errors import FeedError

EXAMPLES = 3
KINDS = 10
"""So many kinds are told in full; whoever has mended them sees the rest."""
NAMES = 12


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
    more = len(problems) - KINDS
    rest = [f"- and {more} more kinds"] if more > 0 else []
    return "\n".join([f"{head}:", *map(str, problems[:KINDS]), *rest])


def shown(value: object, longest: int = 60) -> str:
    """A value of a file as a message shows it: on one line, printable, and short."""
    text = str(value)
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return text if text.isprintable() else ascii(text)[1:-1]


def listed(names: Sequence[object]) -> str:
    """Names of a file in quotes, the first :data:`NAMES` of them."""
    more = len(names) - NAMES
    rest = f" and {more:,} more" if more > 0 else ""
    return ", ".join(f"'{shown(name, 80)}'" for name in names[:NAMES]) + rest


@contextmanager
def pointing_to_the_guide() -> Iterator[None]:
    """Whatever is wrong with a file, its message says where all of the format stands."""
    try:
        yield
    except FeedError as error:
        raise type(error)(f"{error}\ndocs/feeds.md says what a file of candles may be.") from error
