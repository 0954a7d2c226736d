"""A node that runs a live challenge by itself, on a time that all of it shares.

It starts captures and resolutions when the sensors would, each in a thread in the place of a
process: with a ledger and a way to the exchange of its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.ground_truth.resolution import span_to_resolve
from coordinator_pipelines.domain.rounds.timetable import wanted
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import window_of
from coordinator_pipelines.feeds.binance.binance import BinanceFeed, binance_source
from tests.support.pipeline import Pipeline
from tests.support.shared_time import SharedTime

TICK_SECONDS = 5
START_UP = timedelta(seconds=4)
"""From a run's being asked for until it begins."""
TIMEOUT_SECONDS = 2.0


def feed_per_run(
    challenge: Challenge, url: str, home: Path, time: SharedTime
) -> dg.ResourceDefinition:
    """The feed ``binance`` as a new process has it: nothing is known but what is in the home."""

    @dg.resource
    def feed(context: dg.InitResourceContext) -> Iterator[Feed]:
        del context
        source = binance_source(
            url, time, timeout_seconds=TIMEOUT_SECONDS, hold_directory=home / "vendors"
        )
        with closing(source):
            yield BinanceFeed(
                source,
                subjects=challenge.feed.symbols,
                granularity_seconds=challenge.feed.granularity_seconds,
            )

    return feed


@dataclass(frozen=True)
class Run:
    """One run that has ended."""

    job: str
    started_at: datetime
    result: dg.ExecuteInProcessResult


@dataclass
class RehearsedNode:
    """Keeps a challenge going."""

    pipeline: Pipeline
    time: SharedTime
    runs: list[Run] = field(default_factory=list)
    _at_work: dict[str, Thread] = field(default_factory=dict)
    _resolved_at: datetime | None = None

    def operate(self, until: datetime) -> None:
        """Do what sensors and daemon do; return when the last run has ended."""
        with self.pipeline.ledger() as ledger:
            while self.time.now() < until:
                self._capture(ledger)
                self._resolve(ledger)
                self.time.sleep(TICK_SECONDS)
            with self.time.elsewhere():
                for thread in self._at_work.values():
                    thread.join()

    def _capture(self, ledger: Ledger) -> None:
        challenge, now = self.pipeline.challenge, self.time.now()
        span = wanted(challenge, ledger.newest_capture(), ledger.pauses(), now)
        if span is not None:
            bounds = {"capture_from": span.start.isoformat(), "capture_until": span.end.isoformat()}
            window = window_of(span.start, challenge.window_length)
            self._start("capture", window.start, 1, bounds)

    def _resolve(self, ledger: Ledger) -> None:
        challenge, now = self.pipeline.challenge, self.time.now()
        refresh = timedelta(seconds=challenge.refresh_seconds)
        if self._resolved_at is not None and now - self._resolved_at < refresh:
            return
        span = span_to_resolve(challenge, ledger, now)
        if span is not None and not self._is_at_work("resolve"):
            self._resolved_at = now
            windows = (span.end - span.start) // challenge.window_length
            self._start("resolve", span.start, windows, {})

    def _is_at_work(self, job: str) -> bool:
        thread = self._at_work.get(job)
        return thread is not None and thread.is_alive()

    def _start(self, job: str, first: datetime, windows: int, asking: Mapping[str, Any]) -> None:
        def run() -> None:
            began = self.time.now()
            result = self.pipeline.run(first, windows, job=job, **asking)
            self.runs.append(Run(job, began, result))

        self._at_work[job] = self.time.start(run, self.time.now() + START_UP)
