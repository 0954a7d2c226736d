"""Who is told the history, when, and what becomes of it over restarts of either side."""

import time

import pytest

from coordinator_pipelines.domain.doors.models import Ask, Outcome
from coordinator_pipelines.domain.spec.call_shape import CallShape
from tests.models.live.conftest import LIMITS, eventually, question

PREDICT = ("predict", ["BTC", 60, 60])


def test_the_history_reaches_up_to_the_question_it_comes_with(stage):
    model = stage.model("model")
    stage.open(model)
    first, second = question(1), question(2)
    ask = Ask("live", ("history",), (first, second), LIMITS)
    [(_, answers)] = stage.live.ask_each([(ask, stage.known)])
    assert {answer.outcome for answer in answers} == {Outcome.SUCCESS}
    assert model.asked() == [("tick", ["history"]), PREDICT, ("tick", ["tick 2"]), PREDICT]


def test_who_has_just_joined_is_absent_until_there_is_a_history_for_it(stage):
    model = stage.model("new")
    stage.open(model, report_after_failures=1)
    assert stage.live.needing_history() == {"new"}
    answer = stage.ask(1, history=None)["new"]
    assert answer.outcome is Outcome.ABSENT
    assert "has not had its history yet" in answer.reason
    assert stage.live.needing_history() == {"new"}
    assert stage.ask(2)["new"].outcome is Outcome.SUCCESS
    assert stage.live.needing_history() == set()
    assert stage.ask(3, history=None)["new"].outcome is Outcome.SUCCESS
    assert model.asked() == [("tick", ["history"]), PREDICT, ("tick", ["tick 3"]), PREDICT]
    assert stage.orchestrator.reports.empty()


def test_models_without_ticks_need_no_history(stage):
    stage.open(stage.model("model"), call=CallShape(tick_method=None))
    assert stage.live.needing_history() == set()
    assert stage.ask(1, history=None)["model"].outcome is Outcome.SUCCESS


@pytest.mark.parametrize("when", ["before it joins", "after it joined"])
def test_what_an_earlier_process_told_is_not_told_again(stage, when):
    model = stage.model("model")
    model.set_up = True
    stage.open()
    if when == "before it joins":
        stage.live.resume(["model-1", "unknown-1"])
    stage.orchestrator.update(model)
    eventually(stage.live.members)
    if when == "after it joined":
        stage.live.resume(["model-1", "unknown-1"])
    stage.known = stage.live.members()
    assert stage.live.needing_history() == set()
    assert stage.ask(7, history=None)["model"].outcome is Outcome.SUCCESS
    assert model.asked() == [("tick", ["tick 7"]), PREDICT]


def test_a_resumed_model_that_loses_its_memory_needs_the_history_again(stage):
    model = stage.model("model")
    model.set_up = True
    stage.open(model)
    stage.live.resume(["model-1"])
    model.set_up = False
    assert stage.ask(1, history=None)["model"].outcome is Outcome.ABSENT
    eventually(lambda: stage.live.needing_history() == {"model"})
    assert stage.ask(2)["model"].outcome is Outcome.SUCCESS
    assert model.asked() == [("tick", ["history"]), PREDICT]


def test_a_model_that_was_made_anew_meanwhile_is_not_resumed(stage):
    model = stage.model("model")
    stage.open()
    stage.live.resume(["model-1"])
    stage.orchestrator.update(model)
    eventually(stage.live.members)
    assert stage.live.needing_history() == {"model"}


def test_each_deployment_is_resumed_once(stage):
    model = stage.model("model")
    model.set_up = True
    stage.open(model)
    stage.live.resume(["model-1"])
    stage.orchestrator.update(model, state="RECOVERING")
    eventually(lambda: not stage.live.members())
    stage.orchestrator.update(model)
    eventually(stage.live.members)
    assert stage.live.needing_history() == {"model"}


def test_a_server_that_is_busy_for_a_moment_is_asked_again_until_it_is_free(stage):
    model = stage.model("shared")
    stage.open(model, stage.model("other"))
    stage.ask(1)
    model.busy_for = 3
    answers = stage.ask(2)
    assert {answer.outcome for answer in answers.values()} == {Outcome.SUCCESS}
    model.busy_for = 10_000
    started = time.monotonic()
    answers = stage.ask(3)
    assert time.monotonic() - started < LIMITS.call_timeout_seconds + 0.4
    assert answers["other"].outcome is Outcome.SUCCESS
    assert answers["shared"].outcome is Outcome.TIMEOUT
    assert "still busy" in answers["shared"].reason


def test_a_model_that_is_busy_while_it_is_joined_joins_when_it_is_free(stage):
    model = stage.model("shared")
    model.busy_setups = 5
    stage.open(model, stage.model("other"))
    assert [member.model_id for member in stage.known] == ["other", "shared"]
    assert stage.ask()["shared"].outcome is Outcome.SUCCESS
