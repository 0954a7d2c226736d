"""What an audit finds: rows that are as they should be, rows that are not, rows nobody can tell.

Add here how a stored row and its recomputation are compared; avoid recomputing anything (the
modules of the steps). A step is named by the table that it is about.
"""

import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.values.content import as_read

GONE = "no row"
"""What stands for a row where one of the two sides has none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that does not follow from what is stored below it."""

    step: str
    row: dict[str, Any]
    """The key of the row."""
    column: str
    """The column; inside a document the path as well: ``metrics_json.steady``."""
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        row = ", ".join(f"{name} {_shown(value)}" for name, value in self.row.items())
        values = f"stored {_shown(self.stored)}, recomputed {_shown(self.recomputed)}"
        return f"{self.step} ({row}): {self.column}: {values}"


@dataclass(slots=True)
class Checked:
    """What became of some rows of a step."""

    step: str
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    withheld: Counter[str] = field(default_factory=Counter)
    """Why rows could not be recomputed -> how many."""

    def add(self, other: "Checked") -> None:
        """Count the rows of another part of the step as well."""
        self.rows += other.rows
        self.differences += other.differences
        self.withheld += other.withheld

    @property
    def recomputed(self) -> int:
        """The rows that could be recomputed, whether or not they are as they should be."""
        return self.rows - self.withheld.total()


def withheld(step: str, rows: int, reason: str) -> Checked:
    """Rows that cannot be recomputed."""
    return Checked(step, rows, withheld=Counter({reason: rows} if rows else {}))


def compared(
    step: str,
    stored: pd.DataFrame,
    recomputed: pd.DataFrame,
    key: Sequence[str],
    columns: Sequence[str],
    excuses: "pd.Series[Any] | None" = None,
) -> Checked:
    """Stored rows against recomputed ones of the same keys; further ones of those do not count.

    Args:
        step: name of the table.
        stored: rows with ``key`` and ``columns``.
        recomputed: at most one row for each key.
        key: what names a row.
        columns: what must be equal: numbers bit for bit, documents as what they say.
        excuses: on the index of ``stored``: why a row that differs may do so by right, or None.
    """
    checked = Checked(step, len(stored))
    if stored.empty:
        return checked
    excuse = pd.Series(None, stored.index, "object") if excuses is None else excuses
    found = _aligned(stored, recomputed, key, columns)
    differs = found["_found"].ne("both").to_numpy()
    for name in columns:
        differs |= _differs(name, stored[name].reset_index(drop=True), found[name])
    for place in differs.nonzero()[0]:
        reason = excuse.iloc[place]
        if isinstance(reason, str):
            checked.withheld[reason] += 1
        else:
            row, again = stored.iloc[place], found.iloc[place]
            checked.differences += _told(step, row, again, key, columns)
    return checked


def _aligned(
    stored: pd.DataFrame, recomputed: pd.DataFrame, key: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """The recomputed row of each stored one, in the order of the latter."""
    if recomputed.empty:
        return pd.DataFrame({"_found": "left_only"}, range(len(stored))).reindex(
            columns=["_found", *columns]
        )
    return stored[list(key)].merge(
        recomputed[[*key, *columns]], on=list(key), how="left", indicator="_found"
    )


def _differs(name: str, old: "pd.Series[Any]", new: "pd.Series[Any]") -> Any:
    """Where two columns differ, as an array of booleans."""
    same = ((old == new) | (old.isna() & new.isna())).to_numpy(dtype=bool)
    if name.endswith("_json"):
        for place in (~same).nonzero()[0]:
            same[place] = _first(_parsed(old.iloc[place]), _parsed(new.iloc[place]), "") is None
    return ~same


def _told(
    step: str,
    row: "pd.Series[Any]",
    again: "pd.Series[Any]",
    key: Sequence[str],
    columns: Sequence[str],
) -> list[Difference]:
    named = {name: plain(row[name]) for name in key}
    if again["_found"] != "both":
        return [Difference(step, named, "row", "a row", GONE)]
    told = []
    for name in columns:
        old, new = plain(row[name]), plain(again[name])
        if name.endswith("_json"):
            first = _first(_parsed(old), _parsed(new), name)
            told += [Difference(step, named, *first)] if first else []
        elif old != new:
            told.append(Difference(step, named, name, old, new))
    return told


def _parsed(text: Any) -> Any:
    """The document of a text; what is no JSON stands for itself."""
    if not isinstance(text, str):
        return None
    try:
        return as_read(json.loads(text))
    except (ValueError, RecursionError):
        return {"no JSON": text}


def _first(old: Any, new: Any, path: str) -> tuple[str, Any, Any] | None:
    """Path and values of the first place in which two documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        places: Sequence[Hashable] = sorted({*old, *new})
        pairs = ((name, old.get(name, GONE), new.get(name, GONE)) for name in places)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = ((k, one, other) for k, (one, other) in enumerate(zip(old, new, strict=True)))
    else:
        same = type(old) is type(new) or isinstance(old, int | float)
        return None if same and old == new else (path, old, new)
    found = (_first(one, other, f"{path}.{name}") for name, one, other in pairs)
    return next((place for place in found if place is not None), None)


def plain(value: Any) -> Any:
    """A value of a frame as Python's own; what is missing is None."""
    if isinstance(value, Mapping | list | str):
        return value
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}" + (f".{value:%f}" if value.microsecond else "") + "Z"
    text = str(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
