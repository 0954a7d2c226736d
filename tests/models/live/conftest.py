"""A scripted orchestrator and scripted model servers: real sockets, real protocol, no fakery above.

A model server answers ``Setup`` and ``Call`` as its script says; the orchestrator announces what
a test tells it to and keeps what it is told.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from model_runner_client.grpc.generated.commons_pb2 import Status, Variant, VariantType
from model_runner_client.grpc.generated.dynamic_subclass_pb2 import CallResponse, SetupResponse
from model_runner_client.grpc.generated.dynamic_subclass_pb2_grpc import (
    DynamicSubclassServiceServicer,
    add_DynamicSubclassServiceServicer_to_server,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from coordinator_pipelines.domain.doors.models import Ask, Call, Limits, Question
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.live.protocol_models import ProtocolModels

START = datetime(2026, 11, 1, tzinfo=UTC)
LIMITS = Limits(
    call_timeout_seconds=0.5, setup_timeout_seconds=1.0, output_bytes=2000, restarts_per_ask=2
)
PATIENCE_SECONDS = 60.0  # a busy machine is slow; only a failure waits this long


def variant(value, kind=None):
    """What the published runner would answer."""
    if kind is not None:
        return Variant(type=kind, value=value)
    return Variant(type=VariantType.JSON, value=json.dumps(value).encode())


def value_of(argument):
    """What the model would have been given."""
    kind, data = argument.type, argument.value
    if kind == VariantType.INT:
        return int.from_bytes(data, "little", signed=True)
    return data.decode() if kind == VariantType.STRING else json.loads(data)


class ScriptedModel(DynamicSubclassServiceServicer):
    """A model server. ``answer(method, args, kwargs)`` may return a Variant or a CallResponse."""

    def __init__(self, model_id, answer=None, setup=None):
        self.model_id = model_id
        self.answer = answer or (lambda *_: variant({"p_up": 0.5}))
        self.setup = setup or (lambda: "SUCCESS")
        self.calls = []
        self.set_up = False
        self.credentials = None
        self.signature = ()
        self.infos = {}
        self.busy_for = self.busy_setups = 0
        self.port = 0
        self.deployment = f"{model_id}-1"
        self._server = None

    def Setup(self, _, context):
        if self.busy_setups > 0:
            self.busy_setups -= 1
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server busy")
        context.send_initial_metadata(self.signature)
        if self.set_up:
            return SetupResponse(status=Status(code="SUCCESS", message="Instance already exists"))
        code = self.setup()
        self.set_up = code == "SUCCESS"
        return SetupResponse(status=Status(code=code, message="as scripted"))

    def Call(self, request, context):
        if not self.set_up:
            status = Status(code="FAILED_PRECONDITION", message="Setup has not been called yet")
            return CallResponse(status=status)
        args = [value_of(each.data) for each in request.methodArguments]
        kwargs = {each.keyword: value_of(each.data) for each in request.methodKwArguments}
        if self.busy_for > 0:
            self.busy_for -= 1
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server busy")
        context.send_initial_metadata(self.signature)
        self.calls.append((request.methodName, args, kwargs))
        answer = self.answer(request.methodName, args, kwargs)
        if isinstance(answer, CallResponse):
            return answer
        return CallResponse(status=Status(code="SUCCESS"), methodResponse=answer)

    def start(self, port=0):
        self.set_up = False
        self._server = grpc.server(
            ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)]
        )
        add_DynamicSubclassServiceServicer_to_server(self, self._server)
        alive = health.HealthServicer()
        alive.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(alive, self._server)
        address = f"127.0.0.1:{port}"
        if self.credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, self.credentials)
        self._server.start()
        return self

    def stop(self):
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None

    def asked(self):
        """The methods called, with their positional arguments."""
        return [(method, args) for method, args, _ in self.calls]


def announcement(model, state="RUNNING"):
    """A model as the orchestrator says it."""
    infos = {"model_name": f"name of {model.model_id}", "cruncher_name": "alice", **model.infos}
    return {
        "deployment_id": model.deployment, "model_id": model.model_id, "infos": infos,
        "state": state, "ip": "127.0.0.1", "port": str(model.port),
    }  # fmt: skip


class ScriptedOrchestrator:
    """Announces models over a websocket, and keeps the reports that it gets."""

    def __init__(self, *models):
        self.first = [announcement(model) for model in models]
        self.reports = queue.SimpleQueue()
        self._connections = set()
        self._telling = threading.Lock()  # who was told the first list misses no update
        self._server = serve(self._talk, "127.0.0.1", 0)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _talk(self, connection):
        with self._telling:
            connection.send(json.dumps({"event": "init", "data": self.first}))
            self._connections.add(connection)
        try:
            for message in connection:
                for report in json.loads(message)["data"]:
                    self.reports.put(report)
        except ConnectionClosed:
            pass
        finally:
            self._connections.discard(connection)

    def update(self, *models, state="RUNNING"):
        self.send(*(announcement(model, state) for model in models))

    def send(self, *items):
        self.send_frame(json.dumps({"event": "update", "data": list(items)}))

    def send_frame(self, frame):
        with self._telling:
            for connection in list(self._connections):
                connection.send(frame)

    def drop_connections(self):
        with self._telling:  # who is being told the first list is there as well
            there = list(self._connections)
        for connection in there:
            connection.close()

    def next_report(self):
        """The next report that it gets."""
        return self.reports.get(timeout=PATIENCE_SECONDS)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self.drop_connections()  # last: who is dropped comes back at once


def eventually(check: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> object:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)
    return result


def question(number=1, calls=1, tick="new"):
    given = (f"tick {number}",) if tick == "new" else tick
    asked = tuple(Call(f"config-{k}", ("BTC", 60, 60)) for k in range(calls))
    return Question(START + timedelta(minutes=number), given, asked)


class Stage:
    """A live challenge: an orchestrator, model servers, and the client under test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def model(self, model_id, answer=None, setup=None, *, dead=False):
        model = ScriptedModel(model_id, answer, setup).start()
        self._stack.callback(model.stop)
        if dead:
            model.stop()
        return model

    def open(self, *models, settle=True, call=CallShape(), **options):  # noqa: B008
        self.orchestrator = ScriptedOrchestrator(*models)
        self._stack.callback(self.orchestrator.close)
        given = {
            "concurrency": 4, "setup_timeout_seconds": 1.0, "join_attempts": 1,
            "report_after_failures": 3, "report_after_seconds": 0.0,
        } | options  # fmt: skip
        self.live = self._stack.enter_context(
            ProtocolModels(
                host="127.0.0.1", port=self.orchestrator.port, crunch_id="crunch",
                base_class="tracker.TrackerBase", call=call, **given,
            )
        )  # fmt: skip
        if settle:
            assert self.live.wait_until_settled(PATIENCE_SECONDS)
        self.known = self.live.members()
        return self.live

    def ask(self, number=1, members=None, limits=LIMITS, history=("history",), **given):
        """Answers by model id; a list where a model has several."""
        ask = Ask("live", history, (question(number, **given),), limits)
        who = self.known if members is None else members
        [(_, answers)] = self.live.ask_each([(ask, who)])
        by_id = {}
        for answer in answers:
            by_id.setdefault(answer.model_id, []).append(answer)
        return {key: found[0] if len(found) == 1 else found for key, found in by_id.items()}


@pytest.fixture
def stage() -> Iterator[Stage]:
    """See :class:`Stage`."""
    with ExitStack() as stack:
        yield Stage(stack)
