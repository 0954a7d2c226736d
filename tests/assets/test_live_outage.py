"""A database that is away while rounds are captured: what was answered is kept, nothing twice."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.rounds.missed import live_rounds
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.storage import schema
from tests.postgresql import PostgresServer
from tests.specs import changed
from tests.support.live import LIVE, LIVE_START, RehearsedModels, member
from tests.support.pipeline import Pipeline, open_ledger
from tests.support.shared_time import SharedTime, SharingWorkers
from tests.support.unsteady import UnsteadyLedger

UNTIL = LIVE_START + timedelta(seconds=150)
LATE = "did not get to it in time"


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


class Outage:
    """A challenge with two models, captured for ten rounds over a line that can be cut."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, url: str = "") -> None:
        self.time = SharedTime(LIVE_START - timedelta(minutes=1))
        self.models = RehearsedModels(self.time)
        for model_id in ("half", "sure"):
            self.models.join(member(model_id))
        home.mkdir(exist_ok=True)
        (home / "models.yaml").write_text("models: []\n")
        challenge = checked_challenge(changed({"models_file": str(home / "models.yaml")}, LIVE))
        workers = SharingWorkers(self.time)
        resources = {"live_models": self.models, "workers": workers}
        self.pipeline = Pipeline(challenge, home, monkeypatch, self.time, url, resources)
        with open_ledger(self.pipeline.url, challenge):
            self.ledger = UnsteadyLedger(
                self.pipeline.url, statistics_bucket=challenge.statistics_bucket
            )
        resources["ledger"] = self.ledger

    def away(self, start: float, end: float) -> Callable[[], bool]:
        """Whether it is between two instants."""
        return lambda: at(start) <= self.time.now() < at(end)

    def capture(
        self, start: datetime = LIVE_START, until: datetime = UNTIL
    ) -> dg.ExecuteInProcessResult:
        """Capture, ahead of the first round."""
        self.time.wait_until(start - timedelta(seconds=20))
        span = {"capture_from": start.isoformat(), "capture_until": until.isoformat()}
        return self.pipeline.succeed(LIVE_START, job="capture", **span)

    def rounds(self) -> "pd.Series[str]":
        """Instant -> what became of its round, with the reason if it was missed."""
        rounds = live_rounds(self.pipeline.challenge, self.ledger, Window(LIVE_START, UNTIL))
        seconds = (rounds["performed_at"] - LIVE_START).dt.total_seconds().astype(int)
        told = rounds["reason"].str.replace(r"capture \w+ ", "", regex=True).fillna("")
        return pd.Series((rounds["status"] + " " + told).str.strip().tolist(), seconds)

    def cells(self) -> pd.DataFrame:
        """Every stored cell."""
        return self.ledger.predictions(Mode.LIVE, LIVE_START, UNTIL)


@pytest.fixture
def outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """One on SQLite."""
    outage = Outage(tmp_path / "home", monkeypatch)
    yield outage
    outage.ledger.close()


def assert_missed(outage: Outage, *seconds: int) -> None:
    rounds = outage.rounds()
    assert rounds[rounds != "ASKED"].to_dict() == dict.fromkeys(seconds, f"MISSED {LATE}")
    asked = rounds[rounds == "ASKED"]
    assert len(outage.pipeline.rows("predictions")) == len(outage.cells()) == 2 * len(asked)


def test_answers_wait_for_the_database_and_unclaimed_rounds_are_missed(outage: Outage) -> None:
    outage.ledger.line.away = outage.away(30, 70)
    outage.capture()
    assert_missed(outage, 45, 60)
    timings = outage.ledger.timings(at(30), at(31))
    assert timings["commit_ms"].item() >= 40_000


@pytest.mark.parametrize("start", [-1, 0.1, 14, 14.85])
def test_no_moment_of_an_outage_costs_a_round_that_was_asked(outage: Outage, start: float) -> None:
    outage.ledger.line.away = outage.away(start, start + 31)
    outage.capture()
    asked = {
        int((question.performed_at - LIVE_START).total_seconds())
        for ask, _ in outage.models.asked
        for question in ask.questions
    }
    assert_missed(outage, *sorted(set(range(0, 150, 15)) - asked))
    assert 7 <= len(asked) <= 8


def test_a_commit_that_nobody_heard_of_is_not_made_twice(outage: Outage) -> None:
    outage.ledger.line.lost_after_commit = outage.away(30, 30.5)
    outage.capture()
    assert_missed(outage)


def test_a_claim_that_nobody_heard_of_is_not_used(outage: Outage) -> None:
    writes = 0

    def lost_at_the_claim() -> bool:
        nonlocal writes
        claiming = outage.away(29.8, 29.9)()
        writes += claiming
        return claiming and writes == 2  # the first write is of records

    outage.ledger.line.lost_after_commit = lost_at_the_claim
    outage.capture()
    rounds = outage.rounds()
    assert rounds[rounds != "ASKED"].to_dict() == {30: "MISSED claimed it and did not finish"}
    assert len(outage.models.asked) == 9


def test_a_model_that_joins_meanwhile_is_a_member_since_then(outage: Outage) -> None:
    outage.ledger.line.away = outage.away(30, 70)
    outage.time.start(lambda: outage.models.join(member("new")), at(50))
    outage.capture()
    [joined] = outage.ledger.memberships(Mode.LIVE).query("model_id == 'new'").to_dict("records")
    assert joined["joined_at"] == at(50)
    own = outage.cells().query("model_id == 'new'")
    assert own["performed_at"].tolist() == [at(s) for s in range(75, 150, 15)]
    assert (own["status"] == "SUCCESS").all()


@pytest.mark.slow
def test_a_capture_that_could_not_report_does_so_when_it_is_retried(outage: Outage) -> None:
    since: list[float] = []

    def away_for_a_second() -> bool:
        if outage.time.now() < at(900):
            return False
        since.append(time.monotonic())
        return since[-1] - since[0] < 1

    outage.ledger.line.away = away_for_a_second
    result = outage.capture(at(840), at(900))
    assert not outage.pipeline.red(result, "coverage")
    said = outage.pipeline.metadata("prediction_batch")["2026-03-01-12:00"]
    assert (said["rounds"], said["cells"], said["missed rounds"]) == (4, 8, 0)
    assert len(outage.models.asked) == 4


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_server_that_restarts_costs_the_rounds_of_its_absence(
    postgresql_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    del postgresql_server  # there is one to be had
    with PostgresServer(durable=True) as server:
        url = server.create_database("ledger")
        schema.upgrade(url)
        outage = Outage(tmp_path / "home", monkeypatch, url)
        outage.time.start(server.kill if how == "killed" else server.stop, at(30) - WHILE_CLAIMED)
        outage.time.start(server.start, at(70))
        outage.capture()
        assert_missed(outage, 45, 60)
        outage.ledger.close()


WHILE_CLAIMED = timedelta(seconds=0.1)
"""A round is claimed 0.2 s ahead of its instant."""
