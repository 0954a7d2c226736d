"""Going live: the sensors run in the end, also where Dagster's database is away just then."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack import stack as stack_module
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.ports import neighbour
from coordinator_pipelines.stack.stack import Ports, Stack
from coordinator_pipelines.stack.supervisor import Supervisor
from coordinator_pipelines.stack.webserver import Webserver

pytestmark = pytest.mark.usefixtures("home_environment")
SENSORS = tuple(
    f"btc_up_down_{name}" for name in ("capture", "resolve", "checkpoint", "vital_signs", "alerts")
)


class ScriptedDagster(ThreadingHTTPServer):
    """Answers as the webserver's GraphQL API does; ``troubles``: what it says instead, in turn."""

    def __init__(self, *troubles: str) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.troubles = list(troubles)
        self.loaded, self.running = True, set[str]()

    def answer(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """What a request is answered."""
        if self.troubles:
            return {"errors": [{"message": self.troubles.pop(0)}]}
        if "startSensor" in document:
            name = variables["sensor"]["sensorName"]
            if name in self.running or self.running:
                self.running.add(name)
                return {"data": {"startSensor": {"__typename": "Sensor"}}}
            self.running.add(name)  # the first one is lost on the way to the database
            return {"data": {"startSensor": {"__typename": "PythonError", "message": "away"}}}
        load = {"__typename": "PythonError", "message": "broken", "causes": []}
        if self.loaded:
            sensors = [
                {"name": name, "sensorState": {"status": self._status(name)}} for name in SENSORS
            ]
            load = {"repositories": [{"name": "all", "sensors": sensors}]}
        entries = [{"name": "btc", "locationOrLoadError": load}]
        return {"data": {"workspaceOrError": {"locationEntries": entries}}}

    def _status(self, name: str) -> str:
        return "RUNNING" if name in self.running else "STOPPED"


class Answers(BaseHTTPRequestHandler):
    """Requests to the one above."""

    server: ScriptedDagster

    def do_GET(self) -> None:
        """It is up."""
        self._say({})

    def do_POST(self) -> None:
        """GraphQL."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._say(self.server.answer(asked["query"], asked["variables"]))

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _say(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def dagster(*troubles: str) -> Iterator[ScriptedDagster]:
    """One that runs."""
    with ScriptedDagster(*troubles) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def go_live(server: ScriptedDagster) -> str:
    """Go live with that webserver; what is said of it."""
    said = StringIO()
    where, console = location.starter(), Console(file=said, width=200)
    instance = LocalInstance.prepare([], print)
    stack = Stack(console, Supervisor(print), instance, where, Ports(0, 0, 0), {})
    stack.go_live(Webserver(f"http://127.0.0.1:{server.server_address[1]}"))
    return said.getvalue()


def test_a_database_that_is_away_just_when_the_sensors_are_started_is_waited_for() -> None:
    with dagster("connection refused", "connection refused", "starting up") as server:
        said = go_live(server)
        assert server.running == set(SENSORS)
    assert said.count("Dagster: connection refused; asking again") == 1
    assert "Dagster: starting up; asking again" in said
    assert "Dagster UI:  http" in said


def test_a_location_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "LOADING_SECONDS", 0)
    with dagster() as server:
        server.loaded = False
        with pytest.raises(CoordinatorError, match="btc-up-down cannot be loaded: broken"):
            go_live(server)


def test_a_models_port_that_is_taken_is_told(home_environment: pytest.MonkeyPatch) -> None:
    home_environment.setenv("MODEL_RUNNER_NODE_PORT_BTC_UP_DOWN", "9191")
    said = StringIO()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        where, console = location.starter(), Console(file=said, width=200)
        instance = LocalInstance.prepare([], print)
        ports = Ports(0, 0, port)
        stack = Stack(console, Supervisor(print), instance, where, ports, {})
    [used] = re.findall(rf"Port {port} is taken; (\d+) is used instead", said.getvalue())
    # Runs of this challenge ask the stack's own models, whatever the environment names for others.
    own = {stack.environment[name] for name in settings.node_port_variables("btc-up-down")}
    assert own == {used}


@pytest.mark.parametrize(("port", "beside"), [(9091, 9092), (65535, 65534)])
def test_the_list_of_models_is_beside_them(port: int, beside: int) -> None:
    assert neighbour(port) == beside
