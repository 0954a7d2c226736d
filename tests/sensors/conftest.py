"""Sensors as the daemon runs them: tick after tick, with the cursor of the last one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.notifier import Notifier
from coordinator_pipelines.domain.doors.operation import CAPTURE_COLUMNS
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.support.live import LIVE, LIVE_START
from tests.support.machine import Workbench
from tests.support.pipeline import FixedClock, open_ledger

INSTANTS = ["span_start", "span_end", "started_at", "alive_until", "ended_at"]


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return LIVE_START + timedelta(seconds=seconds)


@dataclass
class Ticks:
    """One sensor of a challenge, ticking on a clock that a test sets."""

    make: Callable[[Challenge], dg.SensorDefinition]
    ledger: Ledger
    instance: dg.DagsterInstance
    challenge: Challenge = field(default_factory=lambda: checked_challenge(LIVE))
    clock: FixedClock = field(default_factory=FixedClock)
    cursor: str | None = None
    machine: Workbench = field(default_factory=Workbench)
    notifier: Notifier | None = None
    skipped: str = ""
    """What it said when it last skipped."""

    def tick(self, seconds: float) -> dg.SensorResult | None:
        """What it does at an instant; None if it skips."""
        self.clock.instant = at(seconds)
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={
                "ledger": self.ledger,
                "clock": self.clock,
                "machine": self.machine,
                "notifier": self.notifier,
            },
        )
        result = self.make(self.challenge)(context)
        if isinstance(result, dg.SkipReason):
            self.skipped = result.skip_message or ""
            return None
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def request(self, seconds: float) -> dg.RunRequest | None:
        """The one run that it asks for at an instant; None if it skips."""
        result = self.tick(seconds)
        if result is None:
            return None
        [request] = result.run_requests or []
        return request


def record_capture(ledger: Ledger, run_id: str, span: tuple[float, float], **more: Any) -> None:
    """A capture as it records itself; instants in seconds after the start."""
    row: dict[str, Any] = {"run_id": run_id, "span_start": at(span[0]), "span_end": at(span[1])}
    row |= {"started_at": at(span[0] - 25), "alive_until": at(span[0] + 15)}
    row |= {name: value if isinstance(value, str) else at(value) for name, value in more.items()}
    frame = pd.DataFrame([row]).reindex(columns=list(CAPTURE_COLUMNS))
    ledger.record_capture(frame.astype(dict.fromkeys(INSTANTS, "datetime64[us, UTC]")))


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Ledger]:
    """An empty ledger of the challenge."""
    with open_ledger(sqlite_url, checked_challenge(LIVE)) as ledger:
        yield ledger


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance without runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
