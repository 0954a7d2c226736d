"""Memberships as seen from an instant: who has ever taken part, since when, who has left.

Add here what a board needs to know of memberships; avoid what is expected of members in a round
(``prediction_batch``) and what a gap costs (``expectation``). Nothing that happened after the
instant shows, so that an old board can be computed again.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode


@dataclass(frozen=True, slots=True)
class Stay:
    """One membership: [joined_at, left_at), open while ``left_at`` is None."""

    joined_at: datetime
    left_at: datetime | None
    name: str
    owner: str
    owner_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A model as of an instant; ``joined_at`` is its first joining."""

    model_id: str
    name: str
    owner: str
    owner_id: str
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """All memberships of one model, in order."""

    model_id: str
    stays: tuple[Stay, ...]

    def standing(self, as_of: datetime) -> Standing | None:
        """How the model stands at the instant; None if it had not joined yet."""
        begun = [stay for stay in self.stays if stay.joined_at <= as_of]
        if not begun:
            return None
        last = begun[-1]
        left = last.left_at if last.left_at and last.left_at <= as_of else None
        return Standing(
            self.model_id, last.name, last.owner, last.owner_id, begun[0].joined_at, left
        )


def histories(memberships: pd.DataFrame) -> list[History]:
    """The models of a membership frame (MEMBERSHIP_COLUMNS of one mode), by id.

    A membership that ends as it begins was withdrawn: it never was.
    """
    real = memberships[~(memberships["left_at"] <= memberships["joined_at"])]
    ordered = real.sort_values(["model_id", "joined_at"])
    return [
        History(str(model_id), tuple(_stay(row) for row in rows.to_dict("records")))
        for model_id, rows in ordered.groupby("model_id", sort=True)
    ]


def with_withdrawals(named: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The memberships that a models file names, and the stored ones that it no longer names.

    The latter end as they begin, so that a model that was taken out, or that starts later than
    it was said to, is not expected any more. What it answered stays.
    """
    key = ["model_id", "joined_at"]
    both = stored.merge(named[key], on=key, how="left", indicator="found")
    gone = both.loc[both["found"] == "left_only", list(stored.columns)]
    return pd.concat([named, gone.assign(left_at=gone["joined_at"])]) if len(gone) else named


def modes(ledger: Ledger) -> list[Mode]:
    """The modes in which anybody has ever taken part, live first."""
    return [mode for mode in Mode if len(ledger.memberships(mode))]


def standings(models: list[History], as_of: datetime) -> list[Standing]:
    """Every model that had joined by the instant, by id."""
    found = (model.standing(as_of) for model in models)
    return [standing for standing in found if standing is not None]


def _stay(row: dict[Hashable, Any]) -> Stay:
    left = None if pd.isna(row["left_at"]) else row["left_at"].to_pydatetime()
    joined = row["joined_at"].to_pydatetime()
    return Stay(joined, left, row["name"], row["owner"], row["owner_id"])
