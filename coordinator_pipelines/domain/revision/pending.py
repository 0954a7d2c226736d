"""What a correction has changed under a payout that does not rest on it yet.

Add here what outdates a stored checkpoint; avoid what a change comes to (``revision``) and which
step may be taken (``checkpoint.desk``). Stage by stage, as they follow one another: the first that
lags behind is told, as the others cannot catch up before it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import (
    CELL,
    LEADERBOARD_COLUMNS,
    ROUND,
    Ledger,
    Mode,
    RoundStatus,
    TruthState,
)
from coordinator_pipelines.domain.ground_truth.finality import truth_span
from coordinator_pipelines.domain.ground_truth.voided import Voids
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.revision.changed_scores import changed_scores, scores_at
from coordinator_pipelines.domain.season.state import closed_at, closed_seasons
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import window_of

MOST_NAMED = 3
"""Rounds, or boards, that are named where many are outdated."""
NO_VOIDS = pd.MultiIndex.from_tuples([], names=[*ROUND, "version"])


@dataclass(frozen=True, slots=True)
class Pending:
    """Looks for what was corrected since a stored checkpoint was computed."""

    challenge: Challenge
    rules: Rules
    ledger: Ledger
    now: datetime

    def told(self, checkpoint: "pd.Series[Any]") -> str | None:
        """Which stage lags behind a correction, and what to run; None if none does.

        ``checkpoint``: CHECKPOINT_COLUMNS, of one row. That of a closed season waits for nothing:
        no correction reaches it.
        """
        closed = closed_seasons(self.ledger.season_events())
        if closed_at(closed, checkpoint["as_of"].to_pydatetime()):
            return None
        rests_on = json.loads(checkpoint["meta_json"])["boards"]
        as_of = [datetime.fromisoformat(board["as_of"]) for board in rests_on]
        mode = Mode(checkpoint["mode"])
        asked = self._asked(mode, as_of)
        for stage, outdated, state in (
            ("ground_truth", self._unapplied(asked), "have another word than their outcome"),
            ("scores", self._unscored(mode, asked), "have another outcome than their scores"),
        ):
            if len(outdated):
                return f"{_rounds(outdated)} {state}: `{stage}` is outdated; {self._run(outdated)}"
        boards = list(self._overtaken(mode, as_of))
        if boards:
            return (
                f"{_boards(boards)} would come out otherwise, as scores changed since: "
                "`leaderboard` is outdated; run `coordinator boards --refresh`"
            )
        versions = {datetime.fromisoformat(b["as_of"]): b["version"] for b in rests_on}
        heads = self.ledger.board_heads(mode, as_of)
        newer = [
            at.to_pydatetime()
            for at, version in zip(heads["as_of"], heads["version"], strict=True)
            if version != versions[at.to_pydatetime()]
        ]
        if newer:
            period = f"{checkpoint['period_start']:%Y-%m-%d-%H:%M}"
            return (
                f"{_boards(newer)} has another version than it was computed from: `checkpoint` is "
                f"outdated; the sensor of `{self.challenge.key}_checkpoint` computes it anew, or "
                f"run that job for the partition {period}"
            )
        return None

    def _asked(self, mode: Mode, as_of: list[datetime]) -> pd.DataFrame:
        """The rounds that were asked and count on one of the boards: ROUND, ``resolvable_at``."""
        span = truth_span(self.challenge, as_of)
        rounds = self.ledger.rounds(mode, span.start, span.end)
        after = min(as_of) - timedelta(hours=self.challenge.longest_window_hours)
        inside = (rounds["resolvable_at"] > after) & (rounds["resolvable_at"] <= max(as_of))
        asked = rounds["status"] == RoundStatus.ASKED.value
        return rounds.loc[inside & asked, [*ROUND, "resolvable_at"]]

    def _unapplied(self, asked: pd.DataFrame) -> pd.DataFrame:
        """The rounds of which an operator has said something that their truths do not follow."""
        if asked.empty:
            return asked
        span = _span(asked)
        truths = self.ledger.ground_truths(*span)
        voids = Voids(self.ledger.round_voids(*span))
        said = voids.unapplied(truths)[ROUND]
        if self.challenge.is_operated:
            posted = self.ledger.posted_truths(*span)[[*ROUND, "version"]]
            posted = voids.counting(posted).merge(
                truths[[*ROUND, "resolved_record_version"]], on=ROUND
            )
            newer = posted["version"] > posted["resolved_record_version"].fillna(0)
            said = pd.concat([said, posted.loc[newer, ROUND]]).drop_duplicates()
        return asked.merge(said, on=ROUND)

    def _unscored(self, mode: Mode, asked: pd.DataFrame) -> pd.DataFrame:
        """The rounds whose truth is another than the one that their scores are of."""
        if asked.empty:
            return asked
        truths = self.ledger.ground_truths(*_span(asked))[[*ROUND, "version", "state"]]
        corrected = asked.merge(truths[truths["version"] > 1], on=ROUND)
        if corrected.empty:
            return corrected
        span = _span(corrected)
        cells = self.ledger.predictions(mode, *span, outputs=False)[CELL].merge(corrected, on=ROUND)
        scores = self.ledger.scores(mode, *span)[[*CELL, "truth_version"]]
        both = cells.merge(scores, on=CELL, how="left")
        never = both["truth_version"].isna() & (both["state"] == TruthState.FINAL.value)
        older = both["truth_version"] < both["version"]
        return both[never | older].drop_duplicates(ROUND)[[*ROUND, "resolvable_at"]]

    def _overtaken(self, mode: Mode, as_of: list[datetime]) -> Iterator[datetime]:
        """The instants whose board scores have overtaken, and would come out otherwise today."""
        stored = self.ledger.board_versions(mode, as_of).drop_duplicates("as_of", keep="last")
        longest = timedelta(hours=self.challenge.longest_window_hours)
        since = stored["created_at"].min().to_pydatetime()
        versions = self.ledger.score_versions(mode, min(as_of) - longest, max(as_of), since)
        due = versions["resolvable_at"]
        lagging = []
        for at, written in zip(stored["as_of"], stored["created_at"], strict=True):
            own = versions[(due > at - longest) & (due <= at)]
            now = own.drop_duplicates(CELL, keep="last")
            lagging.append(len(changed_scores(scores_at(own, written), now, NO_VOIDS)) > 0)
        boards = Boards(self.challenge, self.rules, self.ledger, mode, "pending", self.now)
        suspects = stored.loc[lagging, list(LEADERBOARD_COLUMNS)]
        yield from (at.to_pydatetime() for at in boards.outdated(suspects)["as_of"])

    def _run(self, rounds: pd.DataFrame) -> str:
        """What brings truths and scores of rounds up to date."""
        length = self.challenge.window_length
        windows = [window_of(at, length) for at in _span(rounds)]
        first, last = (f"{window.start:%Y-%m-%d-%H:%M}" for window in windows)
        which = first if first == last else f"{first} to {last}"
        job = f"{self.challenge.key}_resolve"
        return (
            f"the sensor of `{job}` does it within {self.challenge.refresh_seconds} s, or run that "
            f"job for the partition {which}; then `coordinator boards --refresh`"
        )


def _span(rounds: pd.DataFrame) -> tuple[datetime, datetime]:
    """[start, end) of the rounds' ``performed_at``."""
    first, last = (rounds["performed_at"].agg(name).to_pydatetime() for name in ("min", "max"))
    return first, last + timedelta(microseconds=1)


def _rounds(rounds: pd.DataFrame) -> str:
    ordered = rounds.sort_values(ROUND[::-1]).head(MOST_NAMED)
    named = [
        f"{config} of {at:%Y-%m-%d %H:%M:%S} UTC"
        for config, at in ordered[ROUND].itertuples(index=False, name=None)
    ]
    return f"{_count(len(rounds), 'round')} ({_some(named, len(rounds))})"


def _boards(as_of: list[datetime]) -> str:
    named = [f"{at:%Y-%m-%d %H:%M:%S} UTC" for at in sorted(as_of)[:MOST_NAMED]]
    return f"the board as of {_some(named, len(as_of))}"


def _some(named: list[str], count: int) -> str:
    more = [f"{count - len(named)} more"] if count > len(named) else []
    return ", ".join([*named, *more])


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
