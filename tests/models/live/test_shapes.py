"""What models are told and asked, in every shape that a challenge's interface may have."""

import time

from model_runner_client.grpc.generated.commons_pb2 import Status
from model_runner_client.grpc.generated.dynamic_subclass_pb2 import CallResponse

from coordinator_pipelines.domain.doors.models import Limits, Outcome
from coordinator_pipelines.domain.spec.call_shape import CallShape
from tests.models.live.conftest import variant


def test_a_model_is_told_its_history_once_then_what_is_new_then_asked(stage):
    model = stage.model("model")
    stage.open(model)
    stage.ask(1)
    stage.ask(2, tick=())
    stage.ask(3)
    predict = ("predict", ["BTC", 60, 60])
    assert model.asked() == [
        ("tick", ["history"]), predict,
        predict,
        ("tick", ["tick 3"]), predict,
    ]  # fmt: skip


def test_several_rounds_at_one_instant_are_answered_in_order(stage):
    stage.open(stage.model("model", lambda method, *_: variant(method)))
    answers = stage.ask(calls=3)["model"]
    assert [answer.prediction_config_id for answer in answers] == [
        "config-0", "config-1", "config-2",
    ]  # fmt: skip
    assert {answer.outcome for answer in answers} == {Outcome.SUCCESS}


def test_a_challenge_without_ticks_only_asks(stage):
    model = stage.model("model")
    stage.open(model, call=CallShape(tick_method=None))
    stage.ask(1)
    assert model.asked() == [("predict", ["BTC", 60, 60])]


def test_methods_have_the_names_that_the_challenge_gives_them(stage):
    model = stage.model("model")
    stage.open(model, call=CallShape(tick_method="feed_update", predict_method="predict_all"))
    stage.ask(1)
    assert [method for method, _ in model.asked()] == ["feed_update", "predict_all"]


def test_keyword_arguments_may_differ_from_model_to_model(stage):
    models = [stage.model("a"), stage.model("b")]
    shape = CallShape(
        tick_argument="payload", tick_facts={"me": "model_id"}, predict_facts={"who": "model_name"}
    )
    stage.open(*models, call=shape)
    stage.ask(1)
    for model in models:
        kwargs = [kwargs for _, __, kwargs in model.calls]
        assert kwargs[0] == {"payload": "history", "me": model.model_id}
        assert kwargs[-1] == {"who": f"name of {model.model_id}"}


def test_an_author_may_pass_any_field_of_the_scope_and_the_input_itself():
    shape = CallShape(predict_arguments={"event": "input"})
    assert shape.arguments({}, {"x": 1}) == {"args": [{"x": 1}], "kwargs": {}}
    scope = {"asset": "BTC", "horizon": 60}
    by_name = CallShape(
        predict_arguments={"subject": "asset", "horizon_seconds": "horizon"}, predict_by="keyword"
    )
    assert by_name.arguments(scope, None)["kwargs"] == {"subject": "BTC", "horizon_seconds": 60}
    assert CallShape(predict_arguments={}).arguments(scope, None) == {"args": [], "kwargs": {}}


def test_constants_go_with_every_call(stage):
    model = stage.model("model")
    shape = CallShape(tick_constants={"metrics": {"a": [1]}}, predict_constants={"mode": True})
    stage.open(model, call=shape)
    stage.ask(1)
    assert [kwargs for _, __, kwargs in model.calls] == [{"metrics": {"a": [1]}}, {"mode": True}]


def test_a_history_and_a_question_may_have_several_ticks(stage):
    model = stage.model("model")
    stage.open(model)
    stage.ask(1, history=("a", "b"))
    stage.ask(2, tick=("c", "d"))
    predict = ("predict", ["BTC", 60, 60])
    assert model.asked() == [
        ("tick", ["a"]), ("tick", ["b"]), predict,
        ("tick", ["c"]), ("tick", ["d"]), predict,
    ]  # fmt: skip


def test_a_tick_that_raises_costs_its_question_and_the_others_are_told_all_the_same(stage):
    def answer(_, args, __):
        return CallResponse(status=Status(code="MODEL_FAILED")) if args == ["c"] else variant(1)

    model = stage.model("model", answer)
    stage.open(model)
    stage.ask(1)
    assert stage.ask(2, tick=("c", "d"))["model"].outcome is Outcome.FAILED
    assert stage.ask(3)["model"].outcome is Outcome.SUCCESS
    told = [args for method, args in model.asked() if method == "tick"]
    assert told == [["history"], ["c"], ["d"], ["tick 3"]]


def test_all_of_a_history_has_one_deadline_and_goes_on_where_it_stopped(stage):
    def answer(method, *_):
        time.sleep(0.15 if method == "tick" else 0)
        return variant(1)

    model = stage.model("model", answer)
    stage.open(model)
    limits = Limits(2.0, 0.4, 2000, 2)
    first = stage.ask(1, history=tuple("abcd"), limits=limits)["model"]
    assert (first.outcome, first.reason) == (
        Outcome.TIMEOUT, "history tick took longer than 0.4 s",
    )  # fmt: skip
    assert stage.ask(2, limits=limits)["model"].outcome is Outcome.SUCCESS
    told = [args for method, args in model.asked() if method == "tick"]
    assert ["d"] in told
    assert told[-1] == ["tick 2"]
