"""What a board says of ensembles beside its entries, and how both are shown together.

Add here what a board says of an ensemble; avoid its answers (``domain.ensemble``) and what models
add to it (``contributions``). Nothing of it is among the entries, so nobody is ranked, compared or
paid by it unasked.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import MEMBERSHIP_COLUMNS, Ledger, Mode
from coordinator_pipelines.domain.leaderboard.contributions import Contributions, Told
from coordinator_pipelines.domain.leaderboard.leaderboard import entry_of
from coordinator_pipelines.domain.leaderboard.ranking import Entry, sortable
from coordinator_pipelines.domain.membership.standing import histories
from coordinator_pipelines.domain.spec.challenge import Challenge

Row = TypeVar("Row")

OWNER = "ensemble"
NOT_RANKED = "an ensemble: compared with the others, neither ranked nor paid"


class EnsemblesBeside:
    """Tells what boards of one mode say of ensembles, asked for in ascending order."""

    def __init__(
        self, challenge: Challenge, ledger: Ledger, mode: Mode, models: Sequence[str]
    ) -> None:
        members = histories(virtual_memberships(challenge, mode))
        self._challenge, self._members = challenge, {each.model_id: each for each in members}
        self._contributions = Contributions(challenge, ledger, mode, models)

    def tell(
        self, entries: Sequence[Entry], model_scores: pd.DataFrame, as_of: datetime
    ) -> tuple[Told, dict[str, Any]]:
        """The contributions of each model; and of the board ``{"entries", "contributions"}``.

        ``entries`` are those of ensembles, as others have them but without a rank.
        """
        by_model, facts = self._contributions.tell(entries, as_of)
        columns = ("model_id", "metrics_json", "payload_json")
        own = []
        for model_id, *texts in zip(*(model_scores[name] for name in columns), strict=True):
            member = self._members.get(model_id)
            standing = member.standing(as_of) if member else None
            if standing is not None:
                entry = entry_of(self._challenge, standing, *map(json.loads, texts))
                own.append({**entry, "unranked_reason": NOT_RANKED})
        return by_model, {"entries": own, "contributions": facts}


def virtual_memberships(challenge: Challenge, mode: Mode) -> pd.DataFrame:
    """The ensembles as if they were members since the start: MEMBERSHIP_COLUMNS."""
    rows = [
        (mode.value, spec.model_id, challenge.start, None, spec.name, OWNER, OWNER, "")
        for spec in challenge.ensembles
    ]
    frame = pd.DataFrame(rows, columns=list(MEMBERSHIP_COLUMNS))
    for name in ("joined_at", "left_at"):
        frame[name] = pd.DatetimeIndex(frame[name], tz="UTC").as_unit("us")
    return frame


def among(
    ranked: Sequence[Row], rest: Sequence[Row], own: Sequence[Row], value: Callable[[Row], Any]
) -> list[Row]:
    """Rows of ensembles among the ranked ones, where their values would put them.

    ``value``: a sort key of a row, the better the smaller.
    """
    told, waiting = list[Row](), sorted(own, key=value)
    for row in ranked:
        while waiting and value(waiting[0]) < value(row):
            told.append(waiting.pop(0))
        told.append(row)
    return [*told, *waiting, *rest]


def with_ensembles(entries: Sequence[Entry], own: Sequence[Entry]) -> list[Entry]:
    """The entries of a board with those of ensembles among the ranked ones."""

    def value(entry: Entry) -> tuple[bool, float]:
        ranking = entry["score"]["ranking"]
        return sortable(ranking["value"], ranking["direction"])

    ranked = [entry for entry in entries if entry["rank"] is not None]
    rest = [entry for entry in entries if entry["rank"] is None]
    return among(ranked, rest, own, value)
