"""Live operation rehearsed: a clock that jumps, workers without threads, models without processes.

The models here are real objects behind the real door; what they cannot show (connections,
processes, the protocol) is shown in tests/models/live and tests/live.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import (
    Answer,
    Ask,
    EventKind,
    Line,
    LiveModels,
    Member,
    MembershipEvent,
    Outcome,
)
from coordinator_pipelines.domain.doors.workers import Workers
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import window_of, windows_between
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from tests.specs import changed
from tests.support.late_feed import LateFeed
from tests.support.pipeline import Pipeline


@dataclass
class Rehearsal(Clock):
    """A clock on which waiting takes no time; things can be planned for an instant."""

    instant: datetime
    plans: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def now(self) -> datetime:
        """Where the clock has got to."""
        return self.instant

    def wait_until(self, instant: datetime) -> None:
        """Be there at once; what was planned for before then has happened."""
        due = sorted((p for p in self.plans if p[0] <= instant), key=lambda plan: plan[0])
        self.plans = [plan for plan in self.plans if plan[0] > instant]
        for at, happens in due:
            self.instant = max(self.instant, at)
            happens()
        self.instant = max(self.instant, instant)

    def plan(self, at: datetime, happens: Callable[[], None]) -> None:
        """Let something happen when the clock gets there."""
        self.plans.append((at, happens))


class OnTheSpot(Executor):
    """Does what it is given before it returns."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """A future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (a future keeps whatever was raised)
            future.set_exception(error)
        return future


class NoThreads(Workers):
    """Executors that work on the spot."""

    def __call__(self, most: int) -> Executor:
        """One of them."""
        del most
        return OnTheSpot()


def member(model_id: str, deployment: str = "1") -> Member:
    """A model as an orchestrator announces it."""
    return Member(model_id, model_id.title(), "alice", "c-alice", f"{model_id}-{deployment}")


Reply = Callable[[Ask, Member], Any]


def half(ask: Ask, who: Member) -> Any:
    """Says that it does not know."""
    del ask, who
    return {"p_up": 0.5}


@dataclass
class RehearsedModels(LiveModels):
    """Connected models that answer at once by calling a function each."""

    clock: Clock
    replies: dict[str, Reply] = field(default_factory=dict)
    connected: dict[str, Member] = field(default_factory=dict)
    asked: list[tuple[Ask, list[str]]] = field(default_factory=list)
    events: list[MembershipEvent] = field(default_factory=list)
    resumed: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    given: dict[str, list[tuple[datetime, str, Any]]] = field(default_factory=dict)
    """Deployment -> what it was told: (instant of the question, history or tick, data)."""
    problem: str | None = None
    """Why the line to their host is broken."""
    lines: int = 1

    def join(self, who: Member, reply: Reply = half) -> None:
        """A model connects."""
        self.connected[who.model_id] = who
        self.replies[who.model_id] = reply
        self.told.discard(who.code_hash)
        self.events.append(MembershipEvent(EventKind.JOINED, who, self.clock.now()))

    def part(self, model_id: str, kind: EventKind = EventKind.LEFT) -> None:
        """A model goes."""
        who = self.connected.pop(model_id)
        self.events.append(MembershipEvent(kind, who, self.clock.now(), kind.lower()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget who was told what: the next capture is another process."""
        self.told.clear()

    def wait_until_settled(self, seconds: float) -> bool:
        """They are there."""
        del seconds
        return True

    def lose_host(self) -> None:
        """The host is gone, and every model with it."""
        self.problem = "the host does not answer"
        for model_id in list(self.connected):
            self.part(model_id, EventKind.VANISHED)

    def find_host(self) -> None:
        """The host is back; its models are still to come."""
        self.problem = None
        self.lines += 1

    def line(self) -> Line:
        """The line to their host."""
        return Line(self.problem, self.lines)

    def members(self) -> list[Member]:
        """Who is connected."""
        return [self.connected[model_id] for model_id in sorted(self.connected)]

    def drain_events(self) -> list[MembershipEvent]:
        """What happened."""
        events, self.events = self.events, []
        return events

    def resume(self, deployments: Collection[str]) -> None:
        """Deployments that know everything so far."""
        self.told |= set(deployments)
        self.resumed |= set(deployments)

    def needing_history(self) -> set[str]:
        """Who must be told everything."""
        return {m.model_id for m in self.members() if m.code_hash not in self.told}

    def ask_each(
        self, asks: Iterable[tuple[Ask, Sequence[Member]]]
    ) -> Iterator[tuple[Ask, list[Answer]]]:
        """Ask them one after the other."""
        for ask, members in asks:
            self.asked.append((ask, [each.model_id for each in members]))
            answers = [answer for each in members for answer in self._answers(ask, each)]
            yield ask, answers

    def _tell(self, ask: Ask, deployment: str) -> None:
        [question] = ask.questions
        known = deployment in self.told
        kind, ticks = ("tick", question.ticks) if known else ("history", ask.history or ())
        for data in ticks:
            self.given.setdefault(deployment, []).append((question.performed_at, kind, data))
        self.told.add(deployment)

    def _answers(self, ask: Ask, who: Member) -> Iterator[Answer]:
        [question] = ask.questions
        here = self.connected.get(who.model_id)
        if here is not None:
            if ask.history is None and here.code_hash not in self.told:
                here = None
            else:
                self._tell(ask, here.code_hash)
        for call in question.calls:
            key = (who.model_id, call.prediction_config_id, question.performed_at)
            if here is None:
                yield Answer(*key, Outcome.ABSENT, None, "it is not connected", None)
                continue
            said = self.replies[who.model_id](ask, who)
            if isinstance(said, Answer):
                yield said
            elif isinstance(said, Outcome):
                yield Answer(*key, said, None, said.lower(), None)
            else:
                yield Answer(*key, Outcome.SUCCESS, json.dumps(said), None, 1.0)


LIVE_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIVE: dict[str, Any] = {
    "spec_version": "1",
    "name": "live",
    "start": "2026-03-01T00:00:00Z",
    "batch_window": "15m",
    "warm_up_seconds": 600,
    "absence_grace_seconds": 120,
    "refresh_interval_seconds": 60,
    "feed": {
        "provider": "simulated",
        "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 1,
        "publication_delay_seconds": 1,
        "staleness_limit_seconds": 30,
        "seed": 1,
        "tick_size": 0.01,
    },
    "truth": {"tie_rule": "void", "resolution_deadline_seconds": 3600},
    "scheduled_prediction_configs": [
        {
            "id": "btc-60s",
            "scope_key": "btc-60s",
            "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
            "schedule": {"every_seconds": 15},
        }
    ],
    "callables": {
        "INFERENCE_OUTPUT_VALIDATOR": "coordinator_pipelines.starter.validation:validate_output",
        "SCORING_FUNCTION": "coordinator_pipelines.starter.scoring:score_predictions",
    },
    "trailing_windows_hours": {"short": 1, "long": 2},
    "ranking": {"key": "long", "tie_breakers": ["short"], "minimum_samples": 5},
    "limits": {"call_timeout_seconds": 0.5},
}


@dataclass
class LivePipeline:
    """A challenge that is captured on a rehearsed clock."""

    pipeline: Pipeline
    clock: Rehearsal
    models: RehearsedModels

    def capture(self, start: datetime, until: datetime) -> dg.ExecuteInProcessResult:
        """A run that captures a span, as the sensor would start it: ahead of its first round."""
        self.clock.wait_until(start - timedelta(seconds=20))
        window = window_of(start, self.pipeline.challenge.window_length)
        return self.pipeline.succeed(
            window.start,
            job="capture",
            capture_from=start.isoformat(),
            capture_until=until.isoformat(),
        )

    def capture_windows(self, start: datetime, until: datetime) -> None:
        """Capture a span that may reach into other windows."""
        for window in windows_between(start, until, self.pipeline.challenge.window_length):
            self.capture(max(start, window.start), min(until, window.end))

    def rounds(self) -> pd.DataFrame:
        """Every live round of the hour after the start."""
        with self.pipeline.ledger() as ledger:
            return ledger.rounds(Mode.LIVE, LIVE_START, LIVE_START + timedelta(hours=1))

    def cells(self) -> pd.DataFrame:
        """Every live cell of the hour after the start."""
        with self.pipeline.ledger() as ledger:
            return ledger.predictions(Mode.LIVE, LIVE_START, LIVE_START + timedelta(hours=1))

    def feed_of_its_own(self) -> LateFeed:
        """The challenge's simulated feed, to be meddled with."""
        spec = self.pipeline.challenge.feed
        inner = SimulatedFeed(seed=1, granularity_seconds=1, subjects=spec.symbols, tick_size=0.01)
        feed = LateFeed(inner, self.clock)
        self.pipeline.resources = {**self.pipeline.resources, "feed": feed}
        return feed

    def resolve(self, first: datetime, windows: int = 1) -> dg.ExecuteInProcessResult:
        """A run that resolves windows and brings boards up to date."""
        return self.pipeline.succeed(first, windows, job="resolve")


def live_pipeline(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *, url: str = "", **changes: Any
) -> LivePipeline:
    """The challenge above, with changes by dotted path (``__`` for dots), and two models."""
    dotted = {path.replace("__", "."): value for path, value in changes.items()}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "models.yaml").write_text("models: []\n")
    placed = {"models_file": str(directory / "models.yaml"), **dotted}
    clock = Rehearsal(LIVE_START - timedelta(minutes=1))
    models = RehearsedModels(clock)
    models.join(member("half"))
    models.join(member("sure"), lambda *_: {"p_up": 0.9})
    pipeline = Pipeline(
        checked_challenge(changed(placed, LIVE)),
        directory,
        monkeypatch,
        clock,
        url,
        {"live_models": models, "workers": NoThreads()},
    )
    return LivePipeline(pipeline, clock, models)
