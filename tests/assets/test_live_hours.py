"""Hours of rounds every 15 seconds through the capture loop: every cell, and nothing piles up."""

import gc
import os
import resource
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.prediction_batch.capture import Capture
from coordinator_pipelines.domain.prediction_batch.observation import Observation
from coordinator_pipelines.domain.rounds.missed import live_rounds
from coordinator_pipelines.domain.rounds.timetable import wanted
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from coordinator_pipelines.resources.lifeline import StackLifeline
from tests.support.live import LIVE, LIVE_START, OnTheSpot, Rehearsal, RehearsedModels, member
from tests.support.pipeline import open_ledger

HOUR, TICK = timedelta(hours=1), timedelta(seconds=5)
SETTLED, LAST = 2, int(os.environ.get("COORDINATOR_TEST_HOURS", "4"))
"""Hours between which nothing may grow. The long form is a day."""
HOURS = Window(LIVE_START, LIVE_START + LAST * HOUR)
ROUNDS = LAST * 240
MODELS = [f"model-{number}" for number in range(20)]
MOST_GROWTH = 8.0
"""MiB of memory: what allocators and caches may do. A leak of 1 kB a cell is 9 in two hours."""


@dataclass(frozen=True)
class Usage:
    """What a process holds."""

    memory: float
    """MiB, resident."""
    files: int
    connections: int


def usage(url: str) -> Usage:
    """What this process holds now; what the system does not tell is 0."""
    gc.collect()
    files, statm = Path("/proc/self/fd"), Path("/proc/self/statm")
    connections, memory = 0, 0.0
    if url.startswith("postgresql"):
        with psycopg.connect(url) as connection:
            own = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            [connections] = connection.execute(own).fetchone() or (0,)
    if statm.exists():
        memory = int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return Usage(memory, len(list(files.iterdir())) if files.exists() else 0, connections)


class Forgetful(RehearsedModels):
    """Models whose door keeps no record of hours."""

    def forget(self) -> None:
        """What was asked and told."""
        self.asked.clear()
        self.given.clear()
        self.resumed.clear()


def capture_next(
    challenge: Challenge, ledger: Ledger, clock: Rehearsal, models: Forgetful, number: int
) -> None:
    """One tick of the sensor, and the capture that it asks for."""
    span = wanted(challenge, ledger.newest_capture(), ledger.pauses(), clock.now())
    if span is None:
        clock.wait_until(clock.now() + TICK)
        return
    feed = SimulatedFeed(seed=1, granularity_seconds=1, subjects=["BTCUSDT"], tick_size=0.01)
    rules, here = load_rules(challenge), OnTheSpot()
    observation = Observation(challenge, feed, ledger, clock, here)
    with models:
        capture = Capture(
            challenge, rules, ledger, observation, models, StackLifeline(), clock, here,
            f"run-{number}",
        )  # fmt: skip
        capture.run(span)
    models.forget()


@pytest.mark.slow
def test_hours_of_rounds_are_complete_and_hold_nothing(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge = checked_challenge(LIVE)
    clock = Rehearsal(HOURS.start - timedelta(seconds=10))
    models = Forgetful(clock)
    for model_id in MODELS:
        models.join(member(model_id))
    held: dict[int, Usage] = {}
    number = 0
    while clock.now() < HOURS.end:
        with open_ledger(database_url, challenge) as ledger:
            capture_next(challenge, ledger, clock, models, number)
        number += 1
        held[(clock.now() - HOURS.start) // HOUR] = usage(database_url)
    with open_ledger(database_url, challenge) as ledger:
        rounds = live_rounds(challenge, ledger, HOURS)
        cells = ledger.predictions(Mode.LIVE, HOURS.start, HOURS.end, outputs=False)
        stays = ledger.memberships(Mode.LIVE)
    assert len(rounds) == ROUNDS
    assert (rounds["status"] == "ASKED").all()
    assert len(cells) == ROUNDS * len(MODELS)
    assert (cells["status"] == "SUCCESS").all()
    assert len(stays) == len(MODELS)
    with capsys.disabled():
        sys.stdout.write(f"\n{SETTLED} h: {held[SETTLED]}; {LAST} h: {held[LAST]}\n")
    assert held[LAST].files <= held[SETTLED].files
    assert held[LAST].connections <= held[SETTLED].connections
    assert held[LAST].memory - held[SETTLED].memory < MOST_GROWTH, held
