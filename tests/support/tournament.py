"""A tournament rehearsed: rounds are opened, asked, resolved and scored on a clock that jumps."""

import csv
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Ask, Member
from coordinator_pipelines.domain.rounds.desk import OpenedRound, PostedTruth, RoundDesk
from coordinator_pipelines.domain.rounds.feature_table import FeatureTable
from coordinator_pipelines.domain.rounds.opened_round import wanted_opened
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import window_of
from tests.specs import changed
from tests.support.live import NoThreads, Rehearsal, RehearsedModels, member
from tests.support.pipeline import Pipeline

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = "returns-1d"
TOURNAMENT: dict[str, Any] = {
    "spec_version": "1",
    "name": "cup",
    "start": "2026-03-01T00:00:00Z",
    "batch_window": "1d",
    "refresh_interval_seconds": 3600,
    "feed": {"provider": "posted"},
    "truth": {"convention": "posted", "resolution_deadline_seconds": 7 * 86400},
    "model_interface": {
        "tick_method": None,
        "predict_arguments": {"features": "input"},
        "predict_by": "keyword",
    },
    "scheduled_prediction_configs": [
        {
            "id": CONFIG,
            "scope_key": CONFIG,
            "scope_template": {"asset": "RETURNS"},
            "schedule": {
                "kind": "operator",
                "answer_within_seconds": 3600,
                "resolve_after_seconds": 86400,
            },
        }
    ],
    "callables": {"SCORING_FUNCTION": "coordinator_pipelines.authoring:score_spearman"},
    "trailing_windows_hours": {"recent": 72, "anchor": 720},
    "ranking": {"key": "anchor", "minimum_samples": 1},
}
FEATURES = {"size": [3.0, 1.0, 2.0, 4.0], "age": [1.0, None, 0.5, 2.0]}
IDS = ["c", "a", "b", "d"]
TRUTH = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}


def feature_table(**columns: list[float | None]) -> FeatureTable:
    return FeatureTable.of(pd.DataFrame({"id": IDS, **(columns or FEATURES)}))


def truth_frame(truth: Mapping[str, float] = TRUTH) -> pd.DataFrame:
    return pd.DataFrame({"id": list(truth), "truth": list(truth.values())})


def write_csv(path: Path, frame: pd.DataFrame) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(frame.columns)
        writer.writerows(frame.itertuples(index=False))
    return path


def given(ask: Ask) -> dict[str, Any]:
    """The feature table of the only call."""
    [question] = ask.questions
    [call] = question.calls
    return call.kwargs["features"]


def by_size(ask: Ask, who: Member) -> Any:
    """Predicts what turns out to be right."""
    del who
    return given(ask)["columns"]["size"]


def against_size(ask: Ask, who: Member) -> Any:
    """Predicts the opposite, by id."""
    del who
    table = given(ask)
    return {row: -x for row, x in zip(table["ids"], table["columns"]["size"], strict=True)}


class Untold(RehearsedModels):
    """Models without ``tick``: they need no history."""

    def members(self) -> list[Member]:
        """Who is connected; each knows what there is to know."""
        members = super().members()
        self.told |= {each.code_hash for each in members}
        return members


@dataclass
class Tournament:
    """A tournament with a database, a clock and models of its own."""

    pipeline: Pipeline
    clock: Rehearsal
    models: RehearsedModels
    config: str = CONFIG

    @contextmanager
    def desk(self):
        with self.pipeline.ledger() as ledger:
            yield RoundDesk(self.pipeline.challenge, ledger, self.clock.now())

    def open(self, table: FeatureTable | None = None, **options: Any) -> OpenedRound:
        with self.desk() as desk:
            return desk.open(self.config, table or feature_table(), **options)

    def post(self, truth: Mapping[str, float] = TRUTH, **options: Any) -> PostedTruth:
        with self.desk() as desk:
            return desk.post_truth(self.config, truth_frame(truth), **options)

    def capture(self) -> dg.ExecuteInProcessResult | None:
        """What the sensor would start now, run; None if nothing is to be asked."""
        challenge = self.pipeline.challenge
        with self.pipeline.ledger() as ledger:
            span = wanted_opened(challenge, ledger, ledger.newest_capture(), self.clock.now())
        if span is None:
            return None
        window = window_of(span.start, challenge.window_length)
        return self.pipeline.succeed(
            window.start,
            job="capture",
            capture_from=span.start.isoformat(),
            capture_until=span.end.isoformat(),
        )

    def resolve(self, days: int = 2) -> dg.ExecuteInProcessResult:
        """Outcomes, scores and boards of the days from the start."""
        return self.pipeline.succeed(NOON.replace(hour=0), days, job="resolve")

    def read(self, what: Callable[..., pd.DataFrame]) -> pd.DataFrame:
        """``what(ledger, start, end)`` over the month after the start."""
        with self.pipeline.ledger() as ledger:
            return what(ledger, NOON - timedelta(days=1), NOON + timedelta(days=30))

    def cells(self) -> pd.DataFrame:
        return self.read(lambda ledger, *span: ledger.predictions(Mode.LIVE, *span))

    def scores(self) -> pd.DataFrame:
        return self.read(lambda ledger, *span: ledger.scores(Mode.LIVE, *span))

    def truths(self) -> pd.DataFrame:
        return self.read(lambda ledger, *span: ledger.ground_truths(*span))


def tournament(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *, url: str = "", **changes: Any
) -> Tournament:
    """The tournament above, with changes by dotted path (``__`` for dots), and two models."""
    dotted = {path.replace("__", "."): value for path, value in changes.items()}
    (directory / "models.yaml").write_text("models: []\n")
    spec = changed({"models_file": str(directory / "models.yaml"), **dotted}, TOURNAMENT)
    clock = Rehearsal(NOON)
    models = Untold(clock)
    models.join(member("right"), by_size)
    models.join(member("wrong"), against_size)
    resources = {"live_models": models, "workers": NoThreads()}
    pipeline = Pipeline(
        checked_challenge(spec), directory, monkeypatch, clock, url, resources=resources
    )
    return Tournament(pipeline, clock, models)
