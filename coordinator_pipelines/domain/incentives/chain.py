"""From answers to shares by the stages' own functions, for many fields of made-up rounds at once.

Add here how the stages follow one another; avoid computing anything that one of them computes, and
what is told of the results (``simulation``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.author.metrics import scored_predictions, with_authors_metrics
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.certainty.series import ScoreSeries, score_series
from coordinator_pipelines.domain.checkpoint.allotment import allotment
from coordinator_pipelines.domain.checkpoint.shares import WHOLE
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.incentives.answers import Form
from coordinator_pipelines.domain.incentives.forecasters import Attempt, Player
from coordinator_pipelines.domain.incentives.rounds import (
    WINDOW,
    Calendar,
    memberships,
    predictions,
    truths,
)
from coordinator_pipelines.domain.incentives.world import World
from coordinator_pipelines.domain.leaderboard.certainty import board_certainty
from coordinator_pipelines.domain.leaderboard.leaderboard import leaderboard
from coordinator_pipelines.domain.leaderboard.ranking import Entry
from coordinator_pipelines.domain.membership.standing import Standing, histories, standings
from coordinator_pipelines.domain.model_score.model_score import model_scores
from coordinator_pipelines.domain.score.score import score_batch
from coordinator_pipelines.domain.score.statistics import score_statistics

RUN = "simulated"
BEFORE = timedelta(days=3650)
"""How long before the first round everybody joined."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt came to in one field."""

    score: float | None
    """What ranks, of its best model; None if none of them is ranked."""
    rank: int | None
    share: float
    """Of all its accounts together."""
    others: float
    """Of an honest one of the others, on average."""


class Chain:
    """The fields of one simulation, scored; boards and payouts are made attempt by attempt."""

    def __init__(
        self, days: Calendar, rules: Rules, form: Form, made: World, players: Sequence[Player]
    ) -> None:
        self._challenge, self._rules = days.challenge, rules
        self._instants = days.instants(len(made.size))
        self._names = [player.name for player in players]
        self._since = self._challenge.start - BEFORE
        self._scores = scores(days, rules, form, made, players)
        self._by_instant = dict(self._model_scores())
        self._tiers = self._challenge.emission.ties == "tier"

    def results(
        self, attempt: Attempt, honest: Sequence[str], baselines: Sequence[str]
    ) -> list[Result]:
        """What an attempt comes to in each field, against honest players and baselines."""
        own = {f"entrant-{k}": account for k, account in enumerate(attempt.accounts, 1)}
        plays = {name: name for name in (*honest, *baselines)} | dict.fromkeys(own, attempt.player)
        accounts = {name: name for name in plays} | own
        members = [Standing(name, name, name, name, self._since, None) for name in sorted(plays)]
        found = []
        for instants in self._instants:
            boards = [self._board(instant, plays, members) for instant in instants]
            shared = allotment(self._challenge, boards, accounts, self._rules.emit)
            paid = Counter[str]()
            for payee, amount in zip(shared.field.payees, shared.shares, strict=True):
                paid[payee.account] = amount
            share = sum(paid[account] for account in {*own.values()}) / WHOLE
            rest = sum(paid[name] for name in honest) / WHOLE / len(honest)
            best = next(entry for entry in boards[-1] if entry["model_id"] in own)
            value = best["score"]["ranking"]["value"] if best["rank"] is not None else None
            found.append(Result(value, best["rank"], share, rest))
        return found

    def _board(
        self, instant: datetime, plays: Mapping[str, str], members: list[Standing]
    ) -> list[Entry]:
        known = self._by_instant[instant]
        texts = [(name, *known[player]) for name, player in sorted(plays.items())]
        rows = pd.DataFrame(texts, columns=["model_id", "metrics_json", "payload_json"])
        entries = leaderboard(self._challenge, self._rules, rows, members)
        if self._tiers:
            self._tell_tiers(entries, instant, plays)
        return entries

    def _tell_tiers(
        self, entries: list[Entry], instant: datetime, plays: Mapping[str, str]
    ) -> None:
        series = self._series(instant).of([plays[entry["model_id"]] for entry in entries])
        named = replace(series, models=tuple(entry["model_id"] for entry in entries))
        by_model, _ = board_certainty(self._challenge, entries, named, instant)
        for entry in entries:
            entry["score"]["certainty"] = by_model.get(entry["model_id"])

    def _series(self, instant: datetime) -> ScoreSeries:
        due = self._scores["resolvable_at"]
        inside = (due > pd.Timestamp(instant - WINDOW)) & (due <= pd.Timestamp(instant))
        configs = [config.id for config in self._challenge.configs]
        return score_series(self._scores[inside], configs, self._names)

    def _model_scores(self) -> Iterator[tuple[datetime, dict[str, tuple[str, str]]]]:
        """Of each instant, model id -> its metrics and payload as JSON."""
        members = memberships(self._names, self._since)
        rows = model_scores(
            self._challenge,
            score_statistics(self._scores, self._challenge.statistics_bucket),
            members,
            [instant for instants in self._instants for instant in instants],
            mode=Mode.LIVE,
            run_id=RUN,
        )
        for _, own in rows.groupby("as_of"):
            at = own["as_of"].iloc[0].to_pydatetime()
            texts = self._authors(own, members, at)
            said = zip(texts["metrics_json"], texts["payload_json"], strict=True)
            yield at, dict(zip(texts["model_id"], said, strict=True))

    def _authors(self, rows: pd.DataFrame, members: pd.DataFrame, at: datetime) -> pd.DataFrame:
        """The rows of an instant with the metrics of the author's aggregator, if there is one."""
        if self._rules.aggregate is None:
            return rows
        due = self._scores["resolvable_at"]
        inside = (due > pd.Timestamp(at - WINDOW)) & (due <= pd.Timestamp(at))
        scored = scored_predictions(self._challenge, self._scores[inside])
        there = standings(histories(members), at)
        return with_authors_metrics(self._challenge, rows, self._rules.aggregate, scored, there)


def scores(
    days: Calendar, rules: Rules, form: Form, made: World, players: Sequence[Player]
) -> pd.DataFrame:
    """The scores of all players in all fields (SCORE_COLUMNS without ``version``).

    Where the missing-data policy takes the worst of a round, it takes it over all of them.
    """
    table = days.table(len(made.size))
    answered = predictions(table, players, made, form, rules.validate)
    return score_batch(days.challenge, rules, answered, truths(table, made, form), run_id=RUN)
