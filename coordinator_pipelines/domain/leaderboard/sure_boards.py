"""Which boards say how sure they are, and the scores that this takes.

Add here when certainty is told and what is read for it; avoid what is told (``certainty``).

The boards at the end of a day or of a checkpoint period always say it, and every live board of
record. An interim board is written at every refresh, and a replay writes hundreds of boards at
once, so those do only where their scores are few. Scores are read by the day, so that memory does
not grow with the field, and a day once for all boards of a run.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.certainty.series import ScoreSeries, joined, score_series
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.ground_truth.finality import is_of_record
from coordinator_pipelines.domain.leaderboard.certainty import board_certainty
from coordinator_pipelines.domain.leaderboard.ranking import Entry
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import SERIES_STATISTICS
from coordinator_pipelines.domain.timeline.window import (
    Window,
    trailing,
    window_of,
    windows_between,
)

DAY = timedelta(days=1)
MOST_INTERIM_SCORES = 25_000
"""Scores in the longest window up to which an interim board says how sure it is: read and resampled
in half a second."""
MOST_REPLAYED_SCORES = 5_000
"""The same for a replayed board: a twentieth of a second."""


class SureBoards:
    """Tells the certainty of boards of one mode, asked for in ascending order."""

    def __init__(
        self, challenge: Challenge, rules: Rules, ledger: Ledger, mode: Mode, models: Sequence[str]
    ) -> None:
        self._challenge, self._rules, self._ledger, self._mode = challenge, rules, ledger, mode
        self._models = sorted(models)
        self._configs = [config.id for config in challenge.configs]
        self._days: dict[Window, ScoreSeries] = {}

    def tell(
        self, entries: Sequence[Entry], as_of: datetime
    ) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        """What ``board_certainty`` tells, or nothing but ``{"reason"}`` of the board."""
        reason = self._reason(entries, as_of)
        if reason:
            return {}, {"reason": reason}
        series = self._series(*trailing(as_of, self._challenge.longest_window_hours))
        by_key = self._rules.rank is None
        return board_certainty(self._challenge, entries, series, as_of, ranked_by_key=by_key)

    def _reason(self, entries: Sequence[Entry], as_of: datetime) -> str | None:
        """Why nothing is told."""
        if self._rules.aggregate is not None:
            return "the challenge computes its metrics by code of its own"
        statistic = self._challenge.metric(self._challenge.ranking.key).statistic
        if statistic in SERIES_STATISTICS:
            return f"ranked by {statistic}, of which nothing is known but its value"
        return too_costly(self._challenge, self._mode, entries, as_of)

    def _series(self, after: datetime, until: datetime) -> ScoreSeries:
        days = list(windows_between(after, until, DAY))
        known = self._days
        self._days = {day: known[day] if day in known else self._read(day) for day in days}
        return joined(list(self._days.values()))

    def _read(self, day: Window) -> ScoreSeries:
        scores = self._ledger.score_values(self._mode, day.start, day.end)
        return score_series(scores, self._configs, self._models)


def too_costly(
    challenge: Challenge, mode: Mode, entries: Sequence[Entry], as_of: datetime
) -> str | None:
    """Why a board does not say what takes the scores of its longest window; None if it does."""
    record = is_of_record(challenge, as_of)
    if record and (mode is Mode.LIVE or _ends_a_period(challenge, as_of)):
        return None
    windows = challenge.trailing_windows_hours
    longest = max(windows, key=lambda name: windows[name])
    scores = sum(entry["score"]["payload"]["windows"][longest]["n"] for entry in entries)
    most = MOST_INTERIM_SCORES if mode is Mode.LIVE else MOST_REPLAYED_SCORES
    if scores <= most:
        return None
    return f"told at the end of a day: {scores:,} scores, and more than {most:,} take too long"


def _ends_a_period(challenge: Challenge, as_of: datetime) -> bool:
    """Whether a day, a checkpoint period or the challenge ends at the instant."""
    lengths = (DAY, challenge.checkpoint_length)
    ends = any(window_of(as_of, length).start == as_of for length in lengths)
    return ends or as_of == challenge.end
