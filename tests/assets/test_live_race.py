"""Two captures at work on the same rounds: one of them asks each, and no record is told twice."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.prediction_batch.capture import Capture
from coordinator_pipelines.domain.prediction_batch.observation import Observation
from coordinator_pipelines.domain.rounds.missed import live_rounds
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from coordinator_pipelines.resources.lifeline import StackLifeline
from tests.specs import changed
from tests.support.live import LIVE, LIVE_START, OnTheSpot, RehearsedModels, member
from tests.support.pipeline import open_ledger, table_rows
from tests.support.shared_time import SharedTime

MODELS = ("half", "sure")
RUNS = ("run-a", "run-b")


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


@dataclass
class Jittery(Clock):
    """A shared time on which one wakes up to a few hundredths of a second late."""

    time: SharedTime
    draw: random.Random

    def now(self) -> datetime:
        """The shared present."""
        return self.time.now()

    def wait_until(self, instant: datetime) -> None:
        """Wait a little longer."""
        if instant > self.now():
            self.time.wait_until(instant + timedelta(seconds=self.draw.uniform(0, 0.05)))


@dataclass
class Race:
    """Captures of the same span, each a thread with a ledger and connections of its own."""

    challenge: Challenge
    url: str
    spans: dict[str, Window]
    models: dict[str, RehearsedModels] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)

    def run(self, seed: int = 1) -> None:
        """Let them run to their end."""
        time = SharedTime(min(span.start for span in self.spans.values()) - timedelta(seconds=25))
        threads = [
            time.start(
                lambda run_id=run_id, span=span, number=number: self._capture(
                    run_id, span, Jittery(time, random.Random(seed + number))
                ),
                span.start - timedelta(seconds=20),
            )
            for number, (run_id, span) in enumerate(self.spans.items())
        ]
        with time.elsewhere():
            for thread in threads:
                thread.join()
        if self.errors:
            raise self.errors[0]

    def _capture(self, run_id: str, span: Window, clock: Clock) -> None:
        models = self.models[run_id] = RehearsedModels(clock)
        for model_id in MODELS:
            models.join(member(model_id))
        feed = SimulatedFeed(seed=1, granularity_seconds=1, subjects=["BTCUSDT"], tick_size=0.01)
        try:
            with open_ledger(self.url, self.challenge) as ledger:
                rules, here = load_rules(self.challenge), OnTheSpot()
                observation = Observation(self.challenge, feed, ledger, clock, here)
                Capture(
                    self.challenge, rules, ledger, observation, models, StackLifeline(), clock,
                    here, run_id,
                ).run(span)  # fmt: skip
        except BaseException as error:
            self.errors.append(error)
            raise


def told(race: Race, model_id: str) -> list[int]:
    """End of each record that a model was told, whoever told it, in the order of telling."""
    given = [
        each for models in race.models.values() for each in models.given.get(f"{model_id}-1", [])
    ]
    given.sort(key=lambda each: each[0])
    return [int(end) for _, _, data in given for end, _ in data["BTC"]]


def configs(*intervals: int) -> Sequence[dict[str, object]]:
    return [
        {
            "id": f"every-{interval}",
            "scope_key": f"every-{interval}",
            "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
            "schedule": {"every_seconds": interval},
        }
        for interval in intervals
    ]


@pytest.fixture
def race(database_url: str) -> Race:
    """Two over the same minute, with three configs that often are due together."""
    challenge = checked_challenge(
        changed({"scheduled_prediction_configs": configs(5, 10, 15)}, LIVE)
    )
    return Race(challenge, database_url, dict.fromkeys(RUNS, Window(at(0), at(60))))


def test_of_two_captures_at_once_one_asks_each_round(race: Race) -> None:
    race.run()
    with open_ledger(race.url, race.challenge) as ledger:
        rounds = live_rounds(race.challenge, ledger, Window(at(0), at(60)))
        stored = ledger.rounds(Mode.LIVE, at(0), at(60))
        cells = ledger.predictions(Mode.LIVE, at(0), at(60))
        leases = ledger.leases(at(0), at(60))
        stays = ledger.memberships(Mode.LIVE)
    assert (rounds["status"] == "ASKED").all()
    assert len(stored) == 12 + 6 + 4
    assert len(cells) == len(table_rows(race.url, "predictions")) == 2 * len(stored)
    asked = [ask.questions[0] for models in race.models.values() for ask, _ in models.asked]
    calls = [(q.performed_at, call.prediction_config_id) for q in asked for call in q.calls]
    assert len(calls) == len(set(calls)) == len(stored)
    assert set(leases["run_id"]) == set(stored["run_id"]) == set(RUNS)
    assert stays["model_id"].tolist() == list(MODELS)


def test_captures_at_once_tell_no_record_twice(race: Race) -> None:
    race.run()
    for model_id in MODELS:
        ends = told(race, model_id)
        first_question = range(int(at(-600).timestamp()) + 1, int(at(0).timestamp()) - 1)
        ticks = [end for end in ends if end not in first_question]
        assert len(ticks) == len(set(ticks))
        assert set(ticks) >= set(range(int(at(0).timestamp()), int(at(53).timestamp())))


def test_a_capture_that_starts_while_the_one_before_is_at_work_repeats_nothing(race: Race) -> None:
    race.spans = {"run-a": Window(at(0), at(30)), "run-b": Window(at(30), at(60))}
    race.run()
    assert told(race, "half") == list(range(int(at(-600).timestamp()) + 1, int(at(54).timestamp())))
    assert {kind for _, kind, _ in race.models["run-b"].given["half-1"]} == {"tick"}


def test_one_that_begins_too_early_shares_and_goes_on(race: Race) -> None:
    race.spans = {"run-a": Window(at(0), at(45)), "run-b": Window(at(20), at(75))}
    race.run()
    with open_ledger(race.url, race.challenge) as ledger:
        rounds = live_rounds(race.challenge, ledger, Window(at(0), at(75)))
    assert (rounds["status"] == "ASKED").all()
    ends = told(race, "half")
    assert len(ends) == len(set(ends))
