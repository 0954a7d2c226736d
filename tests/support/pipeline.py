"""The pipeline as an operator runs it: jobs over partition ranges, and what they leave behind."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from coordinator_pipelines.definitions import build_definitions
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.resources.ledger import LedgerResource
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.support.databases import empty_sqlite
from tests.support.instances import instance_of

LATER = datetime(2026, 1, 1, tzinfo=UTC)
INCIDENTAL = {"run_id", "created_at", "exec_time_ms"}
"""Columns that say when and by whom; two runs differ in them and in nothing else."""
TABLES = (
    "feed_records", "model_memberships", "rounds", "predictions", "ground_truths", "scores",
    "score_statistics", "model_scores", "leaderboards",
)  # fmt: skip
BOARD_TABLES = ("model_scores", "leaderboards")


@dataclass
class FixedClock(Clock):
    """A clock that stands still until it is set."""

    instant: datetime = LATER

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant

    def wait_until(self, instant: datetime) -> None:
        """Be there at once."""
        self.instant = max(self.instant, instant)


@dataclass(frozen=True)
class Check:
    """One evaluation of a check of one window."""

    name: str
    partition: str
    passed: bool
    description: str
    problems: str


@dataclass
class Pipeline:
    """A challenge with a database and a Dagster instance of its own."""

    challenge: Challenge
    home: Path
    monkeypatch: pytest.MonkeyPatch
    clock: Clock = field(default_factory=FixedClock)
    url: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.instance = instance_of(self)
        self.url = self.url or empty_sqlite(self.home / "ledger.db")

    def run(
        self,
        first: datetime,
        windows: int = 1,
        *,
        job: str = "replay",
        assets: Sequence[str] | None = None,
        **asking: Any,
    ) -> dg.ExecuteInProcessResult:
        """Run a job over so many windows from the first, like a single-run backfill.

        ``asking``: configuration of the asset ``prediction_batch``.
        """
        self.monkeypatch.setenv("COORDINATOR_HOME", str(self.home))
        self.monkeypatch.setenv("COORDINATOR_DATABASE_URL", self.url)
        key = self.challenge.key
        definitions = build_definitions(
            self.challenge, resources={"clock": self.clock, **self.resources}
        )
        op = f"{key}__prediction_batch"
        config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        config |= {"ops": {op: {"config": asking}}} if asking else {}
        last = first + (windows - 1) * self.challenge.window_length
        return definitions.resolve_job_def(f"{key}_{job}").execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config=config,
            asset_selection=[dg.AssetKey([key, name]) for name in assets] if assets else None,
            tags={
                "dagster/asset_partition_range_start": f"{first:%Y-%m-%d-%H:%M}",
                "dagster/asset_partition_range_end": f"{last:%Y-%m-%d-%H:%M}",
            },
        )

    def succeed(self, *args: Any, **options: Any) -> dg.ExecuteInProcessResult:
        """Run a job that must succeed."""
        result = self.run(*args, **options)
        assert result.success, failure_text(result)
        return result

    @contextmanager
    def ledger(self) -> Iterator[SqlLedger]:
        """The challenge's ledger."""
        ledger = SqlLedger(self.url, statistics_bucket=self.challenge.statistics_bucket)
        try:
            yield ledger
        finally:
            ledger.close()

    def rows(self, table: str) -> pd.DataFrame:
        """All rows of a table, every version, without what is incidental."""
        return table_rows(self.url, table)

    def contents(self, tables: Sequence[str] = TABLES) -> dict[str, pd.DataFrame]:
        """All rows of all tables."""
        return {table: self.rows(table) for table in tables}

    def checks(self, result: dg.ExecuteInProcessResult) -> list[Check]:
        """Every evaluation of a check in a run, by partition."""
        return [
            Check(
                data.check_name,
                data.partition,
                data.passed,
                data.description or "",
                data.metadata["problems"].value if "problems" in data.metadata else "",
            )
            for data in (
                event.asset_check_evaluation_data
                for event in result.all_events
                if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
            )
        ]

    def red(self, result: dg.ExecuteInProcessResult, name: str) -> dict[str, Check]:
        """The failed evaluations of one check, by partition."""
        return {
            check.partition: check
            for check in self.checks(result)
            if check.name == name and not check.passed
        }

    def metadata(self, asset: str) -> dict[str, dict[str, Any]]:
        """The newest metadata of an asset, by partition."""
        key = dg.AssetKey([self.challenge.key, asset])
        records = self.instance.fetch_materializations(key, limit=10_000, ascending=True).records
        return {
            record.partition_key: {
                name: value.value for name, value in record.asset_materialization.metadata.items()
            }
            for record in records
        }


@contextmanager
def open_ledger(url: str, challenge: Challenge) -> Iterator[SqlLedger]:
    """The ledger of a run: claimed by the challenge, with its configs known."""
    resource = LedgerResource(challenge=challenge)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("COORDINATOR_DATABASE_URL", url)
        context = dg.build_init_resource_context()
        with resource.yield_for_execution(context) as ledger:
            assert isinstance(ledger, SqlLedger)
            yield ledger


def table_rows(url: str, table: str) -> pd.DataFrame:
    """All rows of a table in the order of all their columns, without what is incidental."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            frame = pd.read_sql_query(sa.text(f"SELECT * FROM {table}"), connection)
    finally:
        engine.dispose()
    frame = frame[sorted(set(frame.columns) - INCIDENTAL)].astype(object)
    frame = frame.where(frame.notna(), None).map(
        lambda value: value if value is None else str(value)
    )
    return frame.sort_values(list(frame.columns), ignore_index=True)


def newest_contents(url: str, start: datetime, end: datetime) -> dict[str, pd.DataFrame]:
    """What the ledger says of a span, the same on either dialect, with all versions counted."""
    replay = Mode.REPLAY
    ledger = SqlLedger(url)
    try:
        frames = {
            "rounds": ledger.rounds(replay, start, end),
            "predictions": ledger.predictions(replay, start, end),
            "ground_truths": ledger.ground_truths(start, end),
            "scores": ledger.scores(replay, start, end),
            "score_statistics": ledger.score_statistics(replay, start, end),
            "leaderboards": ledger.leaderboards(replay, start, end),
        }
    finally:
        ledger.close()
    counts = pd.DataFrame({table: [len(table_rows(url, table))] for table in TABLES})
    return {name: _told(frame) for name, frame in frames.items()} | {"counts": counts}


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without what is incidental; documents with their keys in one order."""
    frame = frame.drop(columns=list(INCIDENTAL & set(frame.columns)))
    for name in frame.columns[frame.columns.str.endswith("_json")]:
        frame[name] = [
            text and json.dumps(json.loads(text), sort_keys=True) for text in frame[name]
        ]
    return frame


def same_contents(one: Mapping[str, pd.DataFrame], other: Mapping[str, pd.DataFrame]) -> None:
    """Assert that two databases hold the same rows."""
    for table in one:
        pd.testing.assert_frame_equal(one[table], other[table], obj=table)


def keys(first: datetime, windows: int, length: timedelta) -> list[str]:
    """Partition keys of so many windows."""
    return [f"{first + k * length:%Y-%m-%d-%H:%M}" for k in range(windows)]


def failure_text(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run says to the user: the text of our own error in it."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data:
                return data.user_failure_data.description or ""
            return data.error_display_string
        if event.event_type == dg.DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
            while error and not error.message.startswith("coordinator_pipelines."):
                error = error.cause
            return error.message if error else ""
    return ""
