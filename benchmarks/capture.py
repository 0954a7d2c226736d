"""From a live instant to its committed predictions: what the coordinator itself takes of it.

    python -m benchmarks.capture [models] [rounds]

The real capture asks real instants, one after the other. Waiting is skipped and work is not, so
every stage takes the time it takes. Models answer at once in this process: ``models`` is what the
door to them costs, and no remote call is in any figure. ``ahead`` is the work from taking records
in hand to the instant, which ``total`` does not hold; ``coordinator`` is total without models.

SQLite always; PostgreSQL if a server binary is found (a throw-away server is started). The
baseline, on the answers of the same run, is what a loop over predictions does: a pydantic object
and its JSON, an INSERT and a commit for each. It stores only, and into the same table.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel
from sqlalchemy import create_engine, insert

from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.prediction_batch.capture import CLAIM_AHEAD, Capture
from coordinator_pipelines.domain.prediction_batch.observation import Observation
from coordinator_pipelines.domain.prediction_batch.timing import STAGES, percentiles
from coordinator_pipelines.domain.rounds.timetable import instants
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.prediction_config import config_rows
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.feeds.registry import open_feed
from coordinator_pipelines.resources.lifeline import StackLifeline
from coordinator_pipelines.spec_text import parse_yaml
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import predictions as prediction_table
from tests.postgresql import PostgresServer, find_binaries
from tests.support.live import RehearsedModels, member

START = datetime(2026, 11, 2, tzinfo=UTC)
HORIZONS = (60, 120, 300, 600)
BASELINE_ROUNDS = 20
CASES = {
    "1 config, 1-minute bars": (1, 60, 60),
    "4 configs, 1-minute bars": (4, 60, 60),
    "1 config, 1-second bars": (1, 1, 15),
}
"""Name -> (configs, seconds of a bar, seconds between rounds)."""
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class SkippingClock(Clock):
    """Real time without its waits; remembers how long each wait would have been."""

    start: datetime
    skipped: dict[datetime, timedelta] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._start, self._began = self.start, time.perf_counter()

    def now(self) -> datetime:
        """The start, and what has been worked and skipped since."""
        return self._start + timedelta(seconds=time.perf_counter() - self._began)

    def wait_until(self, instant: datetime) -> None:
        """Be there at once."""
        rest = instant - self.now()
        self.skipped[instant] = rest
        self._start += max(rest, timedelta(0))


class OneAtATime(Executor):
    """Hands work to a thread and waits for it, so that no wait is skipped while it works."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """A future that is done."""
        future = self._thread.submit(fn, *args, **kwargs)
        future.exception()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread."""
        self._thread.shutdown(wait, cancel_futures=cancel_futures)


def main() -> None:
    """Print one table per database and case."""
    models, rounds = [*map(int, sys.argv[1:]), *[100, 100][len(sys.argv) - 1 :]]
    with ExitStack() as stack:
        for database, create in _databases(stack):
            for number, (name, shape) in enumerate(CASES.items()):
                print(f"{database}: {models} models, {name}, {rounds} rounds")
                _measure(create(f"case{number}"), _challenge(*shape), models, rounds)


def _databases(stack: ExitStack) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Each kind of database, and what makes an empty one of it."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    yield "SQLite", lambda name: f"sqlite:///{directory / name}.db"
    if find_binaries() is None:
        print("PostgreSQL SKIPPED: no server binary found; install postgresql to measure it")
        return
    server = stack.enter_context(PostgresServer(durable=True))
    yield "PostgreSQL", server.create_database


def _challenge(configs: int, bar: int, every: int) -> Challenge:
    """The starter challenge (two hours of warm-up) with other configs and bars."""
    spec = parse_yaml(starter_spec().read_text())
    spec["feed"] |= {"granularity_seconds": bar, "staleness_limit_seconds": max(30, 3 * bar)}
    spec["scheduled_prediction_configs"] = [
        {
            "scope_key": f"btc-{horizon}s",
            "scope_template": {"asset": "BTC", "horizon": horizon, "step": horizon},
            "schedule": {"every_seconds": every, "resolve_after_seconds": horizon},
        }
        for horizon in HORIZONS[:configs]
    ]
    return checked_challenge(spec)


def _measure(url: str, challenge: Challenge, models: int, rounds: int) -> None:
    schema.upgrade(url)
    ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
    ledger.identify(challenge.identity)
    ledger.register_configs(config_rows(challenge.scheduled_prediction_configs))
    every = timedelta(seconds=challenge.configs[0].cadence.interval_seconds or 0)
    span = Window(START, START + rounds * every)
    ahead = _captured(ledger, challenge, models, span)
    timings = ledger.timings(span.start, span.end)
    cells = ledger.predictions(Mode.LIVE, span.start, span.end)
    ledger.close()
    wanted = models * rounds * len(challenge.configs)
    if len(timings) != rounds or len(cells) != wanted or (cells["status"] != "SUCCESS").any():
        raise SystemExit(f"{len(timings)} rounds and {len(cells)} cells, not all of them answered")
    figures = percentiles(timings)
    figures["ahead_ms"] = {"p50": ahead.quantile(0.5), "p99": ahead.quantile(0.99)}
    for stage in ("ahead_ms", *STAGES, "total_ms", "coordinator_ms"):
        p50, p99 = figures[stage].values()
        print(f"  {stage.removesuffix('_ms'):<14} p50 {p50:8.2f} ms   p99 {p99:8.2f} ms")
    baseline = _baseline(url, cells)
    print(f"  baseline       p50 {baseline:8.2f} ms   (a commit per prediction)")
    print(
        f"  ratio of the baseline to coordinator: {baseline / figures['coordinator_ms']['p50']:.1f}"
    )


def _captured(ledger: SqlLedger, challenge: Challenge, models: int, span: Window) -> pd.Series:
    """Capture the span; milliseconds of work ahead of each instant."""
    clock = SkippingClock(span.start - timedelta(seconds=20))
    door = RehearsedModels(clock)
    for number in range(models):
        door.join(member(f"model-{number:03}"), lambda *_: {"p_up": 0.5123})
    feed, rules = open_feed(challenge.feed, FeedAccess()), load_rules(challenge)
    with OneAtATime() as worker:
        observation = Observation(challenge, feed, ledger, clock, worker)
        Capture(
            challenge, rules, ledger, observation, door, StackLifeline(), clock, worker, "bench"
        ).run(span)
    waits = [clock.skipped[due.performed_at] for due in instants(challenge, span)]
    return pd.Series([(CLAIM_AHEAD - wait) / MILLISECOND for wait in waits])


class Envelope(BaseModel):
    """A prediction, as a loop over predictions would hold it."""

    id: str
    mode: str
    performed_at: datetime
    resolvable_at: datetime
    prediction_config_id: str
    model_id: str
    version: int
    scope_key: str
    status: str
    runner_status: str
    code_hash: str
    run_id: str
    exec_time_ms: float
    output: dict[str, float]


def _baseline(url: str, cells: pd.DataFrame) -> float:
    """Median milliseconds to store the cells of one instant."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    cells = cells.assign(id=cells["id"] + "-baseline", mode="BASELINE", failed_reason=None)
    times = []
    for _, instant in list(cells.groupby("performed_at"))[:BASELINE_ROUNDS]:
        rows = instant.to_dict("records")
        began = time.perf_counter()
        for row in rows:
            envelope = Envelope.model_validate({**row, "output": json.loads(row["output_json"])})
            values = envelope.model_dump(exclude={"output"})
            values["output_json"] = json.dumps(envelope.output)
            with engine.begin() as connection:
                connection.execute(insert(prediction_table), values)
        times.append(1000 * (time.perf_counter() - began))
    engine.dispose()
    return statistics.median(times)


if __name__ == "__main__":
    main()
