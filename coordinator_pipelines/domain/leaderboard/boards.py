"""Boards computed from what the ledger holds: the one place that knows what they need of it.

Add here what must be read for a board; avoid what is computed from it (``model_score``,
``author.metrics``, ``leaderboard``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.author.metrics import scored_predictions, with_authors_metrics
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, RoundStatus, TruthState
from coordinator_pipelines.domain.ensemble.ensemble import as_scores
from coordinator_pipelines.domain.ground_truth.finality import (
    final_boards,
    truth_span,
    untold_rounds,
)
from coordinator_pipelines.domain.leaderboard.ensembles import (
    EnsemblesBeside,
    virtual_memberships,
)
from coordinator_pipelines.domain.leaderboard.leaderboard import (
    TellBeside,
    leaderboards,
)
from coordinator_pipelines.domain.leaderboard.sure_boards import SureBoards
from coordinator_pipelines.domain.membership.expectation import scorable_span
from coordinator_pipelines.domain.membership.standing import histories, standings
from coordinator_pipelines.domain.model_score.model_score import model_scores
from coordinator_pipelines.domain.model_score.round_series import RoundSeries, WindowSeries
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.model_score.window_sums import edge_spans
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.rounds.timetable import stored_until
from coordinator_pipelines.domain.score.statistics import score_statistics
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND
from coordinator_pipelines.domain.timeline.window import Window

ROUND = ["prediction_config_id", "performed_at", "resolvable_at"]


@dataclass(frozen=True, slots=True)
class Boards:
    """Computes boards of one mode; what it reads does not grow with history."""

    challenge: Challenge
    rules: Rules
    ledger: Ledger
    mode: Mode
    run_id: str
    now: datetime

    def reached(self, windows: Sequence[Window]) -> list[Window]:
        """The windows that the mode has got to: live ones by the clock, replays by their rounds.

        A replay says nothing of a time beyond its last round, so it has no boards once the next
        one would be due.
        """
        if self.mode is Mode.LIVE:
            return list(windows)
        newest = self.ledger.newest_round(self.mode)
        if newest is None:
            return []
        configs = self.challenge.configs
        due = (config.cadence.next_round(newest + SECOND) for config in configs)
        next_due = min(filter(None, due), default=newest)
        return [window for window in windows if window.start < next_due]

    def statistics(self, as_of: Sequence[datetime]) -> pd.DataFrame:
        """The statistics that the longest trailing windows of the instants are made of."""
        longest = timedelta(hours=self.challenge.longest_window_hours)
        bucket = self.challenge.statistics_bucket
        return self.ledger.score_statistics(self.mode, min(as_of) - longest, max(as_of) + bucket)

    def model_scores(self, as_of: Sequence[datetime]) -> pd.DataFrame:
        """Model scores at each instant (MODEL_SCORE_COLUMNS without version)."""
        memberships = self.ledger.memberships(self.mode)
        rows = model_scores(
            self.challenge,
            self.statistics(as_of),
            memberships,
            as_of,
            mode=self.mode,
            run_id=self.run_id,
            edges=self._edges(as_of),
            scorable_rounds=self._scorable_rounds(memberships, as_of),
            series=self._series(),
        )
        if self.rules.aggregate is not None and len(rows):
            by_instant = [own for _, own in rows.groupby("as_of")]
            rows = pd.concat([self._authors(own, memberships) for own in by_instant])
        if not self.challenge.ensembles or rows.empty:
            return rows
        return pd.concat([rows, self._ensembles(as_of)], ignore_index=True)

    def rankable(self, windows: Sequence[Window]) -> tuple[dict[Window, datetime], pd.DataFrame]:
        """As of when the board of each window can be ranked, and the model scores of then.

        It is the window's end, if that is over and model scores were computed for it, else the
        instant of the newest model scores within the window; one without any is left out. A
        window that ended just now has none of its end yet: a board without models would be wrong.
        """
        members = histories(self.ledger.memberships(self.mode))
        ends = [window.end for window in windows if window.end <= self.now]
        scores = self.ledger.model_scores(self.mode, ends)
        complete = {*scores["as_of"], *(end for end in ends if not standings(members, end))}
        newest = {
            window: window.end
            if window.end in complete
            else self.ledger.newest_scored(
                self.mode, window.start, min(window.end - SECOND, self.now)
            )
            for window in windows
        }
        as_of = {window: instant for window, instant in newest.items() if instant is not None}
        interim = [instant for instant in as_of.values() if instant not in complete]
        return as_of, pd.concat([scores, self.ledger.model_scores(self.mode, interim)])

    def leaderboards(self, as_of: Sequence[datetime], model_scores: pd.DataFrame) -> pd.DataFrame:
        """Boards at each instant from its model scores (LEADERBOARD_COLUMNS without version)."""
        span = truth_span(self.challenge, as_of)
        truths = self.ledger.ground_truths(span.start, span.end)
        rounds = self._counting_rounds(span)
        memberships = self.ledger.memberships(self.mode)
        models = memberships["model_id"].unique().tolist()
        sure = SureBoards(self.challenge, self.rules, self.ledger, self.mode, models)
        return leaderboards(
            self.challenge,
            self.rules,
            model_scores,
            memberships,
            final_boards(self.challenge, rounds, truths, as_of, self._stored_until()),
            mode=self.mode,
            run_id=self.run_id,
            certainty=sure.tell,
            ensembles=self._tell_ensembles(models),
        )

    def untold(self, as_of: datetime) -> pd.DataFrame:
        """The rounds whose outcome a board at an instant waits for, the earliest first."""
        span = truth_span(self.challenge, [as_of])
        rounds = self._counting_rounds(span)
        truths = self.ledger.ground_truths(span.start, span.end)
        return untold_rounds(self.challenge, rounds, truths, as_of)

    def outdated(self, boards: pd.DataFrame) -> pd.DataFrame:
        """Of stored boards, those that would come out otherwise today, as they would."""
        as_of = [instant.to_pydatetime() for instant in boards["as_of"]]
        if not as_of:
            return boards
        return new_versions_as_of(self.leaderboards(as_of, self.model_scores(as_of)), boards)

    def _counting_rounds(self, span: Window) -> pd.DataFrame:
        """The rounds whose truths must be told before a board is final."""
        if self.mode is Mode.REPLAY:
            return grid(self.challenge, span)
        rounds = self.ledger.rounds(self.mode, span.start, span.end)
        return rounds[rounds["status"] == RoundStatus.ASKED.value]

    def _stored_until(self) -> datetime:
        if self.mode is Mode.REPLAY:
            return self.now
        return stored_until(self.challenge, self.now)

    def _edges(self, as_of: Sequence[datetime]) -> pd.DataFrame | None:
        spans = [span for instant in as_of for span in edge_spans(self.challenge, instant)]
        if not spans:
            return None
        return pd.concat([self.ledger.scores_resolved(self.mode, *span) for span in spans])

    def _series(self) -> Callable[[datetime], RoundSeries] | None:
        """Reads rounds one by one, if a metric needs them."""
        if not self.challenge.series_hours:
            return None
        return WindowSeries(self.challenge, self.ledger, self.mode).until

    def _scorable_rounds(
        self, memberships: pd.DataFrame, as_of: Sequence[datetime]
    ) -> pd.DataFrame | None:
        span = scorable_span(self.challenge, memberships, as_of)
        if span is None:
            return None
        rounds, truths = self.ledger.rounds(self.mode, *span), self.ledger.ground_truths(*span)
        asked = rounds.loc[rounds["status"] == RoundStatus.ASKED.value, ROUND]
        final = truths.loc[truths["state"] == TruthState.FINAL.value, ROUND[:2]]
        return asked.merge(final, on=ROUND[:2])

    def _ensembles(self, as_of: Sequence[datetime]) -> pd.DataFrame:
        """Model scores of the challenge's ensembles, made of their answers as all others are."""
        after = min(as_of) - timedelta(hours=self.challenge.longest_window_hours)
        answers = self.ledger.ensemble_answers_resolved(self.mode, after, max(as_of))
        scores = as_scores(answers)
        return model_scores(
            self.challenge,
            score_statistics(scores, self.challenge.statistics_bucket),
            virtual_memberships(self.challenge, self.mode),
            as_of,
            mode=self.mode,
            run_id=self.run_id,
            edges=scores,
            series=self._series(),
        )

    def _tell_ensembles(self, models: Sequence[str]) -> TellBeside | None:
        if not self.challenge.ensembles:
            return None
        return EnsemblesBeside(self.challenge, self.ledger, self.mode, models).tell

    def _authors(self, rows: pd.DataFrame, memberships: pd.DataFrame) -> pd.DataFrame:
        """The rows of one instant with the metrics of the author's aggregator."""
        if self.rules.aggregate is None:
            return rows
        until = rows["as_of"].iloc[0].to_pydatetime()
        after = until - timedelta(hours=self.challenge.longest_window_hours)
        scored = scored_predictions(
            self.challenge, self.ledger.scores_resolved(self.mode, after, until)
        )
        members = standings(histories(memberships), until)
        return with_authors_metrics(self.challenge, rows, self.rules.aggregate, scored, members)
