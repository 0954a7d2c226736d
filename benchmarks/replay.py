"""What replaying costs: a worker per model and a fork per window, against a process per window.

Run ``python benchmarks/replay.py [--models 10] [--windows 48] [--cold-windows 2]``. Each window
has 60 questions of one tick and one call after a history of 120 records. The baseline starts, as
a replay without workers would have to, a fresh interpreter per model and window that imports the
model, reads the same ask, and answers it; as many run at once as there are cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coordinator_pipelines.domain.doors.models import (
    Answer,
    Ask,
    Call,
    Limits,
    Member,
    Outcome,
    Question,
)
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.isolation import Tier
from coordinator_pipelines.models.replay.lodgings import HouseRules
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from coordinator_pipelines.models.replay.worker import Request

START = datetime(2026, 11, 1, tzinfo=UTC)
LIMITS = Limits(
    call_timeout_seconds=5.0, setup_timeout_seconds=30.0, output_bytes=65536, restarts_per_ask=3
)
QUESTIONS = 60
HISTORY_RECORDS = 120
MODEL = """
from coordinator_pipelines.starter.tracker import TrackerBase

class Model(TrackerBase):
    def predict(self, asset, horizon, step):
        prices = self.prices(asset)
        return {"p_up": 0.6 if prices[-1] > prices[-2] else 0.4}
"""
COLD = """
import json, sys
sys.path.insert(0, ".")
from main import Model
ask = json.load(sys.stdin)
model = Model()
for data in ask["history"]:
    model.tick(data)
answers = []
for question in ask["questions"]:
    for data in question["ticks"]:
        model.tick(data)
    answers += [model.predict(*args, **kwargs) for args, kwargs in question["calls"]]
json.dump(answers, sys.stdout)
"""


def record(minute: int) -> list[float]:
    """A point as models see it: Unix seconds and price."""
    return [int(START.timestamp()) + 60 * minute, 60_000 + (minute * 7919) % 101]


def window(number: int) -> Ask:
    """An hour of rounds, each with one new record and one call."""
    first = number * QUESTIONS
    history = [record(first - back) for back in range(HISTORY_RECORDS, 0, -1)]
    questions = tuple(
        Question(
            START + timedelta(minutes=minute),
            ({"BTC": [record(minute)]},),
            (Call("config", ("BTC", 60, 60)),),
        )
        for minute in range(first, first + QUESTIONS)
    )
    return Ask(f"window-{number}", ({"BTC": history},), questions, LIMITS)


BASE = "coordinator_pipelines.starter.tracker.TrackerBase"


def lodging(directory: Path) -> HouseRules:
    """Models as they run where no sandbox can be had: what that costs is not measured here."""
    return HouseRules(directory, None, 4 << 30, trust=True, say=lambda _: None, tier=Tier.TRUSTED)


def write_members(directory: Path, count: int) -> list[Member]:
    """Models with the same small code."""
    members = []
    for number in range(count):
        path = directory / f"model-{number}"
        path.mkdir()
        (path / "main.py").write_text(MODEL)
        members.append(Member(path.name, path.name, "owner", "owner", "hash", path))
    return members


def replay(members: list[Member], windows: int, directory: Path) -> tuple[float, float]:
    """Seconds until the first window is answered, and seconds per window after it."""

    def asks() -> Iterator[tuple[Ask, list[Member]]]:
        for number in range(windows + 1):
            yield window(number), members

    started = time.perf_counter()
    with ReplayModels(
        base_class=BASE, lodging=lodging(directory), log_dir=directory, ahead=2
    ) as models:
        answered = models.ask_each(asks())
        check(next(answered)[1], members)
        warm = time.perf_counter()
        for _, answers in answered:
            check(answers, members)
        ended = time.perf_counter()
    return warm - started, (ended - warm) / windows


def check(answers: list[Answer], members: list[Member]) -> None:
    """Every cell was answered: a benchmark of failures would be a fast one."""
    wrong = [answer for answer in answers if answer.outcome is not Outcome.SUCCESS]
    if wrong or len(answers) != QUESTIONS * len(members):
        raise SystemExit(f"{len(wrong)} of {len(answers)} cells failed, such as {wrong[:1]}")


def cold(members: list[Member], windows: int) -> float:
    """Seconds per window with a fresh interpreter per model and window."""

    def run(member: Member, body: bytes) -> None:
        done = subprocess.run(
            [sys.executable, "-B", "-c", COLD],
            input=body, cwd=member.directory, capture_output=True, check=True,
        )  # fmt: skip
        if len(json.loads(done.stdout)) != QUESTIONS:
            raise SystemExit("the baseline did not answer")

    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number in range(windows):
            body = Request.of(window(number), CallShape()).body
            list(pool.map(lambda member, body=body: run(member, body), members))
    return (time.perf_counter() - started) / windows


def main() -> None:
    """Run both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--windows", type=int, default=48)
    parser.add_argument("--cold-windows", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        members = write_members(Path(name), options.models)
        first, each = replay(members, options.windows, Path(name))
        baseline = cold(members, options.cold_windows)
    calls = options.models * QUESTIONS
    print(f"{options.models} models x {QUESTIONS} questions, {os.cpu_count()} cores")
    print(f"first window (starts, imports)  {first * 1000:8.1f} ms")
    for label, seconds in (("worker and fork", each), ("cold process", baseline)):
        print(
            f"{label + ', per window':31} {seconds * 1000:8.1f} ms {calls / seconds:8,.0f} calls/s"
        )
    print(f"ratio {baseline / each:.1f}; 816 windows would take {first + 816 * each:.0f} s")


if __name__ == "__main__":
    main()
