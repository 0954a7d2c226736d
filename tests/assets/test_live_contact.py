"""Whose fault it is that models did not answer: what is not theirs costs them nothing.

A capture without its stack or without the models' host lets go; its rounds are left to others, or
VOID with the reason; and that a model is not there counts against it only while the host is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.lifeline import Lifeline
from coordinator_pipelines.domain.doors.models import Answer, EventKind, Outcome
from coordinator_pipelines.domain.health.vital_signs import vital_signs
from coordinator_pipelines.domain.rounds.timetable import wanted
from tests.support.live import LIVE_START, LivePipeline, live_pipeline, member
from tests.support.tournament import by_size, tournament

AWAY = "no model can be reached: the host does not answer"
SET_UP = 40


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


class Stack(Lifeline):
    """A stack that goes when a test says so."""

    gone: str | None = None

    def severed(self) -> str | None:
        """What the test says."""
        return self.gone


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """A live challenge with two models, a round every 15 seconds, and 40 s for a set-up."""
    return live_pipeline(tmp_path, monkeypatch, limits__setup_timeout_seconds=SET_UP)


def statuses(live: LivePipeline) -> dict[int, str]:
    """Status of each stored round, by its second."""
    rounds = live.rounds()
    seconds = (rounds["performed_at"] - at(0)).dt.total_seconds().astype(int)
    return dict(zip(seconds, rounds["status"], strict=True))


def reasons(live: LivePipeline) -> set[str]:
    """Why rounds are VOID."""
    rounds = live.rounds()
    return set(rounds.loc[rounds["status"] == "VOID", "reason"])


def outcomes(live: LivePipeline, model_id: str) -> dict[str, int]:
    """How often which outcome, of a model."""
    cells = live.cells()
    return cells.loc[cells["model_id"] == model_id, "status"].value_counts().to_dict()


def memberships(live: LivePipeline) -> Mapping[str, tuple[datetime, bool]]:
    """Since when each model is a member, and whether it has left."""
    with live.pipeline.ledger() as ledger:
        rows = ledger.memberships(Mode.LIVE).to_dict("records")
    assert len({row["model_id"] for row in rows}) == len(rows), "somebody has left and come back"
    return {row["model_id"]: (row["joined_at"], pd.notna(row["left_at"])) for row in rows}


def events(live: LivePipeline) -> list[str]:
    """What was stored of models, in order."""
    with live.pipeline.ledger() as ledger:
        return ledger.model_events(at(-3600), at(7200))["kind"].tolist()


def return_of(live: LivePipeline, **seconds: float) -> None:
    """Plan when which model is back."""
    for model_id, second in seconds.items():
        live.clock.plan(at(second), lambda who=model_id: live.models.join(member(who)))


def test_a_capture_whose_stack_is_gone_lets_go_of_its_rounds_at_once(live):
    stack = Stack()
    live.pipeline.resources = {**live.pipeline.resources, "lifeline": stack}
    live.clock.plan(at(40), lambda: setattr(stack, "gone", "the stack that started it is gone"))
    result = live.capture(at(0), at(300))
    assert statuses(live) == {0: "ASKED", 15: "ASKED", 30: "ASKED"}
    with live.pipeline.ledger() as ledger:
        newest = ledger.newest_capture()
    assert newest["end_reason"].item() == "let go: the stack that started it is gone"
    assert at(40) <= newest["ended_at"].item() <= at(42)
    # Another one is wanted in its place, and the rounds to come are not called missed.
    span = wanted(live.pipeline.challenge, newest, ledger_pauses(live), at(43))
    assert span is not None
    assert span.start == at(45)
    assert not live.pipeline.red(result, "coverage")


def ledger_pauses(live: LivePipeline):
    """No pauses, as a frame."""
    with live.pipeline.ledger() as ledger:
        return ledger.pauses()


def test_without_its_host_a_capture_voids_what_nobody_else_asks_and_lets_go(live):
    live.clock.plan(at(43), live.models.lose_host)
    result = live.capture(at(0), at(300))
    assert statuses(live) == {0: "ASKED", 15: "ASKED", 30: "ASKED", 45: "VOID"}
    assert reasons(live) == {AWAY}
    assert outcomes(live, "half") == {"SUCCESS": 3}
    with live.pipeline.ledger() as ledger:
        newest = ledger.newest_capture()
    assert newest["end_reason"].item() == f"let go: {AWAY}"
    assert newest["ended_at"].item() <= at(50)
    assert events(live) == ["JOINED", "JOINED"]
    [red] = live.pipeline.red(result, "coverage").values()
    assert AWAY in red.problems


def test_a_round_is_left_to_a_capture_that_can_ask_it(live):
    def claim() -> None:
        with live.pipeline.ledger() as ledger:
            assert ledger.claim_rounds(["btc-60s"], at(45), "another", live.clock.now())

    live.clock.plan(at(43), live.models.lose_host)
    live.clock.plan(at(45.5), claim)
    live.capture(at(0), at(300))
    assert 45 not in statuses(live)


def test_a_host_that_was_never_there_blames_nobody(live):
    live.capture(at(0), at(60))
    live.models.lose_host()
    live.capture(at(90), at(300))
    assert set(statuses(live).values()) == {"ASKED"}
    assert outcomes(live, "sure") == {"SUCCESS": 4}
    assert not any(left for _, left in memberships(live).values())


def test_models_have_their_time_to_be_back_when_their_host_is(live):
    live.clock.plan(at(42), live.models.lose_host)
    live.clock.plan(at(46), live.models.find_host)
    return_of(live, half=58, sure=70)
    live.capture(at(0), at(120))
    assert {second for second, status in statuses(live).items() if status == "VOID"} == {45, 60}
    assert outcomes(live, "half") == outcomes(live, "sure") == {"SUCCESS": 6}
    assert "the models' host was away, and not all are back: sure" in reasons(live)
    assert events(live) == ["JOINED", "JOINED"]


def test_one_that_does_not_come_back_with_its_host_is_absent_in_the_end(live):
    live.clock.plan(at(42), live.models.lose_host)
    live.clock.plan(at(46), live.models.find_host)
    return_of(live, half=50)
    live.capture(at(0), at(150))
    assert [s for s, status in statuses(live).items() if status == "VOID"] == [45, 60, 75]
    assert outcomes(live, "half") == {"SUCCESS": 7}
    assert outcomes(live, "sure") == {"SUCCESS": 3, "ABSENT": 4}
    assert events(live) == ["JOINED", "JOINED", "VANISHED"]


def test_an_outage_of_the_host_uses_up_nobodys_grace(live):
    """The grace of this challenge is 120 s."""
    live.clock.plan(at(42), live.models.lose_host)
    live.capture(at(0), at(300))
    live.clock.wait_until(at(560))
    live.models.events.clear()  # the next capture is another process
    live.models.find_host()
    return_of(live, half=570, sure=575)
    live.capture(at(600), at(660))
    assert outcomes(live, "half") == outcomes(live, "sure") == {"SUCCESS": 7}
    assert not any(left for _, left in memberships(live).values())


def test_a_line_that_was_made_again_between_two_looks_is_a_new_one(live):
    def blink() -> None:
        live.models.lose_host()
        live.models.find_host()

    live.clock.plan(at(40.5), blink)
    return_of(live, half=41, sure=50)
    live.capture(at(0), at(90))
    assert [s for s, status in statuses(live).items() if status == "VOID"] == [45]
    assert outcomes(live, "sure") == {"SUCCESS": 5}


def test_connected_models_are_asked_while_only_the_line_is_broken(live):
    live.clock.plan(at(20), lambda: setattr(live.models, "problem", "restarting"))
    live.capture(at(0), at(90))
    assert set(statuses(live).values()) == {"ASKED"}
    assert outcomes(live, "half") == {"SUCCESS": 6}


def test_absent_is_who_is_not_there_while_others_are(live):
    live.clock.plan(at(40), lambda: live.models.part("half", EventKind.VANISHED))
    live.capture(at(0), at(90))
    assert outcomes(live, "half") == {"SUCCESS": 3, "ABSENT": 3}
    assert set(statuses(live).values()) == {"ASKED"}


def test_a_round_in_which_nobody_was_reached_is_void(live):
    for model_id in ("half", "sure"):
        live.clock.plan(at(44.9), lambda who=model_id: live.models.part(who, EventKind.VANISHED))
    live.capture(at(0), at(60))
    assert statuses(live)[45] == "VOID"
    assert reasons(live) == {"no model could be reached; half: it is not connected"}
    assert set(live.cells()["status"]) == {"SUCCESS"}


def test_who_was_not_heard_because_the_coordinator_stood_still_was_not_too_late(live):
    def frozen(ask, who) -> Answer | dict[str, float]:
        [question] = ask.questions
        if question.performed_at != at(30):
            return {"p_up": 0.5}
        key = (who.model_id, question.calls[0].prediction_config_id, at(30))
        return Answer(*key, Outcome.TIMEOUT, None, "the coordinator stood still", None, ours=True)

    live.models.join(member("half"), frozen)
    live.capture(at(0), at(60))
    assert statuses(live) == {0: "ASKED", 15: "ASKED", 30: "VOID", 45: "ASKED"}
    assert reasons(live) == {"the coordinator stood still"}
    assert outcomes(live, "half") == outcomes(live, "sure") == {"SUCCESS": 3}


def test_rounds_that_are_void_for_lack_of_models_are_an_alarm(live):
    live.capture(at(0), at(30))
    live.clock.plan(at(30), live.models.lose_host)
    live.capture(at(45), at(60))
    with live.pipeline.ledger() as ledger:
        signs = {s.name: s.problem for s in vital_signs(live.pipeline.challenge, ledger, at(90))}
    assert signs["rounds_are_captured"].startswith("no round was asked since 2026-03-01 12:00:15")


def test_an_opened_round_waits_for_a_capture_that_reaches_models(tmp_path, monkeypatch):
    cup = tournament(tmp_path, monkeypatch)
    cup.models.lose_host()
    cup.open()
    cup.capture()
    assert cup.cells().empty
    cup.models.find_host()
    cup.models.join(member("right"), by_size)
    cup.capture()
    statuses = cup.cells().set_index("model_id")["status"].to_dict()
    assert statuses == {"right": "SUCCESS", "wrong": "ABSENT"}
