"""One bad model never delays, fails or blinds the others: every failure that was ever measured."""

import asyncio
import threading
import time
from contextlib import closing
from dataclasses import replace

import grpc
import pytest
from grpc.aio import UnaryUnaryClientInterceptor
from model_runner_client.grpc.generated.commons_pb2 import Status, VariantType
from model_runner_client.grpc.generated.dynamic_subclass_pb2 import CallResponse
from model_runner_client.grpc.generated.dynamic_subclass_pb2_grpc import (
    DynamicSubclassServiceStub,
)
from model_runner_client.security.wallet_gelegation import AuthError

from coordinator_pipelines.domain.doors.models import EventKind, Limits, Line, Member, Outcome
from coordinator_pipelines.domain.membership.membership import Memberships
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.models.live.runner import LiveRunner
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import serving
from tests.models.live.conftest import LIMITS, announcement, eventually, variant
from tests.support.live import LIVE, LIVE_START

GOOD = '{"p_up": 0.5}'


def refusing(code, message=""):
    return lambda *_: CallResponse(status=Status(code=code, message=message))


def only_on_predict(answer):
    """Fine with ticks; the given behaviour when asked."""
    return lambda method, *rest: variant(None) if method == "tick" else answer(method, *rest)


def test_a_dead_address_delays_nobody_and_is_reported(stage):
    stage.open(stage.model("good"), stage.model("dead", dead=True), settle=False)
    eventually(stage.live.members)
    started = time.monotonic()
    stage.known = stage.live.members()
    assert stage.ask()["good"].output == GOOD
    assert time.monotonic() - started < 1


def test_a_setup_that_never_answers_delays_nobody_and_is_reported(stage):
    release = threading.Event()
    silent = stage.model("silent", setup=lambda: release.wait(20) and "SUCCESS")
    stage.open(stage.model("good"), silent, settle=False)
    eventually(stage.live.members)
    stage.known = stage.live.members()
    assert stage.ask()["good"].output == GOOD
    assert stage.orchestrator.next_report()["model_id"] == "silent"
    release.set()


@pytest.mark.parametrize(
    ("code", "reported"),
    [
        ("INVALID_ARGUMENT", "MULTIPLE_FAILED"),
        ("BAD_IMPLEMENTATION", "BAD_IMPLEMENTATION"),
        ("SETUP_FAILED", "MULTIPLE_FAILED"),
    ],
)
def test_a_refused_setup_is_reported_and_stops_nobody(stage, code, reported):
    stage.open(stage.model("bad", setup=lambda: code), stage.model("good"))
    assert [member.model_id for member in stage.known] == ["good"]
    assert stage.orchestrator.next_report()["failure_code"] == reported
    absent = Member("bad", "bad", "owner", "account", "hash")
    answer = stage.ask(members=[absent])["bad"]
    assert answer.outcome is Outcome.ABSENT
    assert code in answer.reason


def test_a_hanging_model_is_late_alone_and_reported_when_it_stays_so(stage):
    release = threading.Event()
    hanging = stage.model("hanging", only_on_predict(lambda *_: release.wait(20)))
    stage.open(*(stage.model(f"good-{k}") for k in range(6)), hanging)
    for number in range(3):
        started = time.monotonic()
        answers = stage.ask(number)
        assert time.monotonic() - started < 1.5
        assert answers.pop("hanging").outcome is Outcome.TIMEOUT
        assert {answer.output for answer in answers.values()} == {GOOD}
        assert max(answer.exec_time_ms for answer in answers.values()) < 400
    assert stage.orchestrator.next_report()["failure_code"] == "MULTIPLE_TIMEOUT"
    assert "MULTIPLE_TIMEOUT" in stage.ask(9)["hanging"].reason
    release.set()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusing("INVALID_ARGUMENT", "x" * 1_000_000), "INVALID_ARGUMENT: xxx"),
        (refusing("MODEL_FAILED"), "predict: MODEL_FAILED"),
        (lambda *_: variant(b"\0" * 4, VariantType.DOUBLE), "a number of 4 bytes"),
        (lambda *_: variant(b"\1" * 1999, VariantType.INT), "a number of 1999 bytes"),
        (lambda *_: variant(b"PAR1", VariantType.PARQUET), "not accepted"),
        (lambda *_: variant(b"\xff", VariantType.STRING), "not UTF-8"),
        (lambda *_: variant(b"{", VariantType.JSON), "not JSON"),
        (lambda *_: variant(b"1" * 1900, VariantType.JSON), None),
        (lambda *_: variant(b"[" * 1900, VariantType.JSON), "nested too deeply|not JSON"),
        (lambda *_: variant(b"[" * 40 + b"]" * 40, VariantType.JSON), "more than 32 levels"),
        (lambda *_: variant([0] * 5000), "15000 bytes; at most 2000"),
        (lambda *_: variant(["é" * 300]), None),
        (lambda *_: variant(b"[" * 10_000_000, VariantType.JSON), "larger than a message"),
        (lambda *_: 1 / 0, "UNKNOWN"),
    ],
)  # fmt: skip
def test_whatever_a_model_answers_costs_its_own_cell_at_most(stage, answer, reason):
    stage.open(stage.model("bad", only_on_predict(answer)), stage.model("good"))
    answers = stage.ask()
    assert answers["good"].output == GOOD
    bad = answers["bad"]
    if reason is None:
        assert bad.outcome is Outcome.SUCCESS
    else:
        assert bad.outcome is Outcome.FAILED
        assert any(part in bad.reason for part in reason.split("|"))
        assert len(bad.reason) <= 500


def test_a_model_that_only_fails_is_counted_and_reported(stage):
    stage.open(stage.model("bad", only_on_predict(refusing("INVALID_ARGUMENT"))))
    for number in range(3):
        assert stage.ask(number)["bad"].outcome is Outcome.FAILED
    assert stage.live.health()["bad"].consecutive_failures == 3
    assert stage.orchestrator.next_report()["failure_code"] == "MULTIPLE_FAILED"


def test_nan_and_bool_come_through_for_the_validator_to_judge(stage):
    answers = {"nan": float("nan"), "bool": True}
    stage.open(
        *(stage.model(key, lambda *_, v=value: variant(v)) for key, value in answers.items())
    )
    got = stage.ask()
    assert (got["nan"].output, got["bool"].output) == ("NaN", "true")


def test_none_abstains(stage):
    stage.open(stage.model("shy", lambda *_: variant(b"", VariantType.NONE)))
    assert stage.ask()["shy"].outcome is Outcome.ABSTAINED


def test_a_model_restarted_on_the_same_port_is_set_up_again_and_told_its_history(stage):
    model = stage.model("restarted")
    stage.open(model)
    stage.ask(1)
    port = model.port
    model.stop()
    model.start(port)
    model.calls.clear()
    eventually(lambda: stage.ask(2)["restarted"].outcome is Outcome.SUCCESS)
    assert model.asked()[0] == ("tick", ["history"])
    kinds = [event.kind for event in stage.live.drain_events()]
    assert kinds[0] is EventKind.JOINED
    assert kinds[-2:] == [EventKind.VANISHED, EventKind.JOINED]


def test_a_process_that_lost_its_instance_is_set_up_again(stage):
    model = stage.model("forgetful")
    stage.open(model)
    stage.ask(1)
    model.set_up = False
    answer = stage.ask(2)["forgetful"]
    assert answer.outcome is Outcome.ABSENT
    assert "set up again" in answer.reason
    eventually(lambda: model.set_up)
    eventually(lambda: stage.ask(3)["forgetful"].outcome is Outcome.SUCCESS)


def test_a_crash_while_asked_is_one_cell_and_the_connection_is_made_again(stage):
    models = []
    crashing = stage.model("crashing", only_on_predict(lambda *_: models[0].stop()))
    models.append(crashing)
    stage.open(crashing, stage.model("good"), join_attempts=2)
    answers = stage.ask()
    assert answers["crashing"].outcome is Outcome.ABSENT
    assert answers["good"].output == GOOD


def test_a_model_that_vanishes_is_told_its_history_when_it_returns(stage):
    model = stage.model("back")
    stage.open(model)
    stage.ask(1)
    stage.orchestrator.update(model, state="RECOVERING")
    eventually(lambda: not stage.live.members())
    assert "RECOVERING" in stage.ask(2)["back"].reason
    model.calls.clear()
    stage.orchestrator.update(model)
    eventually(stage.live.members)
    assert stage.ask(3)["back"].outcome is Outcome.SUCCESS
    assert [method for method, _ in model.asked()] == ["tick", "predict"]
    assert model.asked()[0] == ("tick", ["history"])
    kinds = [event.kind for event in stage.live.drain_events()]
    assert kinds == [EventKind.JOINED, EventKind.VANISHED, EventKind.JOINED]


def test_recovering_and_running_in_one_update_both_count(stage):
    model = stage.model("model")
    stage.open(model)
    stage.live.drain_events()
    stage.orchestrator.send(announcement(model, "RECOVERING"), announcement(model))
    seen = []
    eventually(lambda: seen.extend(stage.live.drain_events()) or len(seen) == 2)
    assert [event.kind for event in seen] == [EventKind.VANISHED, EventKind.JOINED]
    assert stage.ask()["model"].outcome is Outcome.SUCCESS


def test_a_late_model_joins_at_once_and_a_new_deployment_replaces_the_old(stage):
    stage.open(stage.model("first"))
    late = stage.model("late")
    stage.orchestrator.update(late)
    eventually(lambda: len(stage.live.members()) == 2)
    newer = stage.model("late", lambda *_: variant("new code"))
    newer.deployment = "late-2"
    stage.orchestrator.update(newer)
    eventually(lambda: "late-2" in {each.code_hash for each in stage.live.members()})
    stage.orchestrator.update(late, state="STOPPED")
    stage.known = stage.live.members()
    assert stage.ask()["late"].output == '"new code"'
    assert newer.asked()[0] == ("tick", ["history"])


def test_an_old_deployment_answers_until_the_new_one_has_joined(stage):
    release = threading.Event()

    def old_answer(method, *_):
        if method == "predict" and release.is_set():
            time.sleep(0.2)  # the new one takes its place meanwhile
        return variant("old")

    stage.open(stage.model("model", old_answer))
    newer = stage.model("model", lambda *_: variant("new"), lambda: release.wait(5) and "SUCCESS")
    newer.deployment = "model-2"
    stage.orchestrator.update(newer)
    assert stage.ask(1)["model"].output == '"old"'
    release.set()
    assert stage.ask(2)["model"].output in ('"old"', '"new"')
    eventually(lambda: [each.code_hash for each in stage.live.members()] == ["model-2"])
    assert stage.ask(3)["model"].output == '"new"'
    assert stage.live.needing_history() == set()


def test_a_stopped_model_has_left(stage):
    model = stage.model("leaver")
    stage.open(model)
    stage.orchestrator.update(model, state="STOPPED")
    eventually(lambda: not stage.live.members())
    assert [event.kind for event in stage.live.drain_events()] == [
        EventKind.JOINED,
        EventKind.LEFT,
    ]


def test_nobody_joins_under_the_id_of_an_ensemble(stage):
    stage.open(stage.model("good"), stage.model("__ensemble_mean__"))
    stage.orchestrator.update(stage.model("__ensemble_other__"), stage.model("late"))
    eventually(lambda: {m.model_id for m in stage.live.members()} == {"good", "late"})


def test_a_malformed_update_costs_only_itself(stage):
    stage.open()
    late = stage.model("late")
    stage.orchestrator.send({"nonsense": 1}, "text", announcement(late))
    eventually(stage.live.members)


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[]",
        "null",
        "{}",
        '{"event": "update", "data": null}',
        b"\xff\xfe\0",
        "[" * 99999,
    ],
    ids=range(7),
)
def test_a_frame_that_is_no_event_is_passed_over_at_once(stage, frame, caplog):
    late = stage.model("late")
    stage.open(stage.model("good"))
    stage.orchestrator.send_frame(frame)
    stage.orchestrator.update(late)
    eventually(lambda: "late" in {member.model_id for member in stage.live.members()})
    assert "Retrying" not in caplog.text  # as the published client does, a second later
    assert stage.ask()["good"].output == GOOD


def test_a_name_that_no_database_takes_is_made_one_that_it_does(stage):
    model = stage.model("odd")
    model.infos = {"model_name": "a\0b", "cruncher_name": "\ud800" + "x" * 1_000_000}
    stage.open(model)
    [member] = stage.live.members()
    assert (member.name, member.owner) == (
        "a\N{REPLACEMENT CHARACTER}b",
        "\N{REPLACEMENT CHARACTER}" + "x" * 199,
    )


def test_who_joins_is_reported_with_the_owners_account_and_name(stage, sqlite_url):
    first, second, untold = stage.model("first"), stage.model("second"), stage.model("untold")
    first.infos = {"cruncher_name": "alice", "cruncher_id": "c-1"}
    second.infos = {"cruncher_name": "alice", "cruncher_id": "c-2"}
    untold.infos = {"cruncher_name": "alice", "cruncher_id": None}
    stage.open(first, second, untold)
    challenge = checked_challenge(LIVE)
    with closing(SqlLedger(sqlite_url)) as ledger:
        joined = Memberships(challenge, ledger)
        joined.begin(stage.live.members(), stage.live.drain_events(), LIVE_START)
        Memberships(challenge, ledger).begin(stage.live.members(), [], LIVE_START)  # takes over
    with serving(challenge, sqlite_url) as client:
        rows = client.get("/reports/models?mode=live").json()
    owners = {row["model_id"]: (row["cruncher_name"], row["cruncher_id"]) for row in rows}
    assert owners == {
        "first": ("alice", "c-1"), "second": ("alice", "c-2"), "untold": ("alice", "unknown"),
    }  # fmt: skip


@pytest.mark.parametrize("account", ["a\0", "\ud800", ["a"], "x" * 201])
def test_an_owners_account_that_cannot_be_a_key_is_refused_by_name(stage, account, caplog):
    late, last = stage.model("late"), stage.model("last")
    late.infos = {"cruncher_id": account}
    stage.open(stage.model("good"))
    stage.orchestrator.send(announcement(late), announcement(last))
    eventually(lambda: "last" in {member.model_id for member in stage.live.members()})
    assert {member.model_id for member in stage.live.members()} == {"good", "last"}
    assert "cruncher_id" in caplog.text


@pytest.mark.parametrize("name", ["model_id", "deployment_id"])
@pytest.mark.parametrize("value", [None, "", "a\0", "\ud800", "a\nb", ["a"], "x" * 201])
def test_an_id_that_cannot_be_a_key_is_refused_by_name(stage, name, value, caplog):
    late, last = stage.model("late"), stage.model("last")
    stage.open(stage.model("good"))
    stage.orchestrator.send({**announcement(late), name: value}, announcement(last))
    eventually(lambda: "last" in {member.model_id for member in stage.live.members()})
    assert {member.model_id for member in stage.live.members()} == {"good", "last"}
    assert name in caplog.text


def test_a_port_may_be_a_number_or_a_text(stage):
    late = stage.model("late")
    stage.open(stage.model("good"))
    stage.orchestrator.send({**announcement(late), "port": late.port})
    eventually(lambda: "late" in {member.model_id for member in stage.live.members()})
    stage.live.drain_events()
    stage.orchestrator.send({**announcement(late), "port": str(late.port)})
    stage.orchestrator.update(stage.model("last"))
    eventually(lambda: "last" in {member.model_id for member in stage.live.members()})
    joined = [event.member.model_id for event in stage.live.drain_events()]
    assert joined == ["last"]  # the same place, said in another way, is no new one


def test_models_are_asked_while_the_orchestrator_is_away_and_it_is_found_again(stage):
    model = stage.model("model")
    stage.open(model)
    stage.orchestrator.drop_connections()
    assert stage.ask()["model"].output == GOOD
    late = stage.model("late")
    stage.orchestrator.first.append(announcement(late))
    stage.orchestrator.drop_connections()
    eventually(lambda: len(stage.live.members()) == 2)


def test_a_history_longer_than_a_round_goes_on_in_the_background(stage):
    release = threading.Event()

    def answer(_, args, __):
        if args == ["history"]:
            release.wait(20)
        return variant({"p_up": 0.5})

    limits = Limits(0.2, 10.0, 2000, 2)
    model = stage.model("slow", answer)
    stage.open(model)
    assert stage.ask(1, limits=limits)["slow"].outcome is Outcome.ABSENT
    release.set()
    assert stage.ask(2, limits=limits)["slow"].outcome is Outcome.SUCCESS
    assert [args for method, args in model.asked() if method == "tick"] == [
        ["history"], ["tick 2"],
    ]  # fmt: skip


def test_a_model_that_raises_in_its_history_tick_is_never_asked(stage):
    def answer(_, args, __):
        if args == ["history"]:
            return CallResponse(status=Status(code="MODEL_FAILED"))
        return variant(1)

    model = stage.model("bad", answer)
    stage.open(model)
    for number in (1, 2):
        answer = stage.ask(number)["bad"]
        assert answer.outcome is Outcome.FAILED
        assert "history tick" in answer.reason
    assert {method for method, _ in model.asked()} == {"tick"}


class Refusing(UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, *_):
        raise AuthError("the wallet does not match")


def test_a_model_that_fails_authentication_is_a_reply_like_any_other(stage):
    model = stage.model("impostor")

    async def ask():
        runner = LiveRunner(
            "tracker.TrackerBase", [], [], deployment_id="1", model_id="impostor",
            model_name="impostor", ip="127.0.0.1", port=model.port, infos={},
        )  # fmt: skip
        address = f"127.0.0.1:{model.port}"
        async with grpc.aio.insecure_channel(address, interceptors=[Refusing()]) as channel:
            runner.grpc_stub = DynamicSubclassServiceStub(channel)
            return await runner.exchange("predict", [], [], 1.0)

    reply = asyncio.run(ask())
    assert (reply.code, reply.answered) == ("UNAUTHENTICATED", False)
    assert "wallet" in reply.message


@pytest.mark.slow
def test_many_models_succeed_in_every_round_beside_those_that_misbehave(stage):
    release, patient = threading.Event(), replace(LIMITS, call_timeout_seconds=1.5)
    flood = variant(b"[" * 6_000_000, VariantType.JSON)
    bad = [
        stage.model("bad-hangs", only_on_predict(lambda *_: release.wait(20))),
        stage.model("bad-floods", only_on_predict(lambda *_: flood)),
        stage.model("bad-nan", lambda *_: variant(float("nan"))),
        stage.model("bad-setup", setup=lambda: release.wait(20) and "SUCCESS"),
        stage.model("bad-gone", dead=True),
    ]
    good = [stage.model(f"good-{number:02}") for number in range(30)]
    stage.open(*bad, *good, settle=False, report_after_failures=100)
    eventually(lambda: len(stage.live.members()) == 33)
    stage.known = stage.live.members()
    for number in range(5):
        started = time.monotonic()
        answers = stage.ask(number, limits=patient)
        assert time.monotonic() - started < 4
        fine = [answers[model.model_id].outcome for model in good]
        assert fine == [Outcome.SUCCESS] * len(good)
    release.set()


def test_the_line_says_whether_the_orchestrator_is_there_and_how_often_it_was_made(stage):
    stage.open(stage.model("good"))
    assert stage.live.line() == Line(None, 1)
    stage.orchestrator.drop_connections()
    eventually(lambda: stage.live.line().problem)
    assert eventually(lambda: stage.live.line() == Line(None, 2))
    assert [member.model_id for member in stage.live.members()] == ["good"]


def test_an_orchestrator_that_is_gone_with_all_its_models_says_nothing_of_any(stage):
    models = [stage.model(name) for name in ("one", "other")]
    stage.open(*models)
    assert not any(answer.ours for answer in stage.ask(1).values())
    stage.orchestrator.close()
    for model in models:
        model.stop()
    eventually(lambda: "cannot be reached" in (stage.live.line().problem or ""))
    answers = stage.ask(2)
    assert {answer.outcome for answer in answers.values()} == {Outcome.ABSENT}
    assert all(answer.ours for answer in answers.values())


def test_a_model_that_is_gone_while_its_orchestrator_is_there_is_gone_by_itself(stage):
    model = stage.model("model")
    stage.open(model)
    model.stop()
    assert not stage.ask(1)["model"].ours


def test_a_coordinator_that_stood_still_blames_nobody_for_silence(stage):
    """The answer is there in time, and nobody there to take it."""
    blocked = threading.Event()

    def while_frozen(*_):
        stage.live._loop.call_soon_threadsafe(time.sleep, 1.5)
        blocked.wait(0.3)
        return variant({"p_up": 0.5})

    stage.open(stage.model("prompt", only_on_predict(while_frozen)))
    answer = stage.ask(1)["prompt"]
    assert answer.ours
    assert answer.reason.startswith("the coordinator stood still for 1.")
