"""What a run says of windows in closed seasons: nothing of them was written.

Add here how that is told; avoid deciding what is closed (``domain.season``) and keeping it so
(``storage.published``).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.season.state import Closed, closed_at, closed_seasons


@dataclass(frozen=True, slots=True)
class Kept:
    """The closed seasons, and the instants of which something else would have been written."""

    seasons: list[Closed]
    otherwise: frozenset[datetime]

    def facts(self, as_of: datetime) -> dict[str, str]:
        """What to show of an instant in a closed season; nothing of any other."""
        season = closed_at(self.seasons, as_of)
        if season is None:
            return {}
        if as_of not in self.otherwise:
            return {"season": f"{season.told}; it is as it would come out today"}
        return {
            "season": f"{season.told}: it would come out otherwise today, and stays as it is; "
            f"{season.way_out}"
        }


def kept(context: dg.AssetExecutionContext, ledger: Ledger, mode: Mode, rows: pd.DataFrame) -> Kept:
    """What closed seasons kept out of rows (with ``as_of``) to be written; it is logged."""
    seasons = closed_seasons(ledger.season_events())
    instants = [] if rows.empty or not seasons else rows["as_of"].drop_duplicates().tolist()
    found = {at.to_pydatetime(): closed_at(seasons, at.to_pydatetime()) for at in instants}
    inside = {at: season for at, season in found.items() if season is not None}
    for told, count in Counter(season.told for season in inside.values()).items():
        context.log.warning(
            f"{mode.value}: {told}; as of {count} instants something would come out otherwise, and "
            "nothing of it was written"
        )
    return Kept(seasons, frozenset(inside))
