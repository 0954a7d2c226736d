"""What the ledger holds of seasons: which were frozen, reopened, made final.

Add here what must be kept of seasons; avoid which step may follow which (``season.state``). The
conventions of frames are those of ``ledger``.
"""

from abc import ABC, abstractmethod

import pandas as pd

SEASON_EVENT_COLUMNS = (
    "season", "sequence", "at", "kind", "actor", "reason", "starts_at", "ends_at",
)  # fmt: skip
"""Key: (season, sequence), counted from 1. ``kind``: of ``season.state.Step``. ``starts_at`` and
``ends_at`` are what the season was when the step was taken, whatever the spec says later."""


class SeasonReads(ABC):
    """What may be read of seasons."""

    @abstractmethod
    def season_events(self) -> pd.DataFrame:
        """What happened to all seasons, of each in order: SEASON_EVENT_COLUMNS."""


class Seasons(SeasonReads, ABC):
    """The part of the ledger that keeps closed seasons as they are.

    As of an instant in a season that is frozen or final, ``add_model_scores``,
    ``add_leaderboards`` and ``add_checkpoint`` write nothing; ``add_round_voids`` raises
    ``SeasonError`` for rounds that first count in it, and ``add_checkpoint_event`` for payouts of
    a season that is final.
    """

    @abstractmethod
    def add_season_event(self, event: pd.DataFrame) -> bool:
        """Add one (SEASON_EVENT_COLUMNS, one row); False if its sequence is taken.

        Whoever is writing boards or payouts at that moment is waited for.
        """
