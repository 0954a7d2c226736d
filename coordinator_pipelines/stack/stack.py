"""The programs of a live challenge: started in the order in which they need each other.

Add here what runs, and when it counts as ready; avoid keeping it running (``supervisor``) and
who wants it, at a terminal (``dev``) or without one (``deploy``).
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from coordinator_pipelines import settings
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.host.host import READY
from coordinator_pipelines.models.host.http_api import ALIVE
from coordinator_pipelines.stack.code_servers import code_servers, workspace_of
from coordinator_pipelines.stack.command import coordinator_command
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.ports import HOST, is_served, neighbour, next_free_port
from coordinator_pipelines.stack.signs_of_life import answers, serves_code, succeeds
from coordinator_pipelines.stack.supervisor import POLL_SECONDS, Program, Supervisor
from coordinator_pipelines.stack.webserver import Webserver, WebserverError
from coordinator_pipelines.stack.workspaces import Location

SENSORS = ("capture", "resolve", "checkpoint", "vital_signs", "alerts")
KEEP_RUNS_DAYS = 7
DAY_SECONDS = 86400.0
PATIENCE_SECONDS = 90.0
LOADING_SECONDS = 45.0
INSTALL_SECONDS = 900.0
"""The published runner is half a gigabyte, fetched once."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where programs should be found. All but the UI's are only wishes: the next free one does."""

    ui: int
    report: int
    models: int


class Stack:
    """The programs of a live challenge, in the order in which they need each other."""

    def __init__(
        self,
        console: Console,
        supervisor: Supervisor,
        instance: LocalInstance,
        where: Location,
        ports: Ports,
        marks: Mapping[str, str],
    ) -> None:
        self.addresses: dict[str, str] = {}
        self._console = console
        self._supervisor = supervisor
        self._instance = instance
        self._where = where
        self._ports = ports
        self._logs = settings.home() / "logs"
        self._prune_at = time.monotonic()
        self._models_port = self._port(ports.models)
        announced = settings.node_port_variables(where.challenge.name)
        self.environment = {
            **instance.environment,
            **marks,
            **dict.fromkeys(announced, str(self._models_port)),
        }

    def start(self, reservation: int) -> None:
        """Start everything; ready when it returns. ``reservation``: of the daemon's instance.

        Raises:
            CoordinatorError: a program does not start, or the code location cannot be loaded.
        """
        self.start_models()
        self.start_report()
        self.go_live(self.start_dagster(reservation))

    def start_models(self) -> None:
        """The model host; it may have to install the published runner first."""
        api_port = next_free_port(neighbour(self._models_port))
        command = [coordinator_command(), "models", "up", "--spec", str(self._where.spec)]
        command += ["--port", str(self._models_port), "--api-port", str(api_port)]
        log = self._logs / "model-host.log"
        log.unlink(missing_ok=True)
        url = f"http://{HOST}:{api_port}"
        alive = partial(succeeds, url + ALIVE)
        host = Program("model host", command, self.environment, log, sign_of_life=alive)
        self._supervisor.start(host)
        with self._console.status(
            "The models start (the first time, their runner is installed: about 2 minutes) ..."
        ):
            ready = self._supervisor.wait_for(
                lambda: log.exists() and READY in log.read_text(), INSTALL_SECONDS, host
            )
        if not ready:
            raise CoordinatorError(f"the model host is not ready; {_why(log)}")
        self._tell("Models", f"{url}/models", f"announced on port {self._models_port}")

    def start_dagster(self, reservation: int) -> Webserver:
        """A code server per location; the webserver and the daemon, which ask those."""
        os.set_inheritable(reservation, True)
        servers = code_servers(self._instance.workspaces)
        for server in servers:
            name = f"code-server-{server.name}"
            log = self._logs / f"{name}.log"
            alive = partial(serves_code, server.port)
            self._supervisor.start(
                Program(name, server.command, self.environment, log, sign_of_life=alive)
            )
        # A location that is not there yet when the webserver looks counts as broken.
        self._await(lambda: all(is_served(each.port) for each in servers), "a code server")
        shared = workspace_of(servers, self._instance.directory / "shared.workspace.yaml")
        instance = replace(self._instance, workspaces=(shared,))
        port = self._port(self._ports.ui)
        webserver = Webserver(f"http://{HOST}:{port}")
        programs: tuple[tuple[str, list[str], tuple[int, ...], Callable[[], bool]], ...] = (
            ("dagster-webserver", ["--host", HOST, "--port", str(port)], (), webserver.is_up),
            ("dagster-daemon", ["run"], (reservation,), webserver.sees_daemon),
        )
        for name, arguments, fds, sign in programs:
            log, command = self._logs / f"{name}.log", instance.command(name, *arguments)
            self._supervisor.start(
                Program(name, command, self.environment, log, fds, sign_of_life=sign)
            )
        return webserver

    def start_report(self) -> None:
        """The Report API, with the public leaderboard page."""
        port = self._port(self._ports.report)
        command = [coordinator_command(), "report", "--spec", str(self._where.spec)]
        command += ["--host", HOST, "--port", str(port)]
        log = self._logs / "report.log"
        alive = partial(answers, f"http://{HOST}:{port}/healthz")
        report = Program("report", command, self.environment, log, sign_of_life=alive)
        self._supervisor.start(report)
        # Without a limit of time: it waits for the challenge's database, and dies of all else.
        if not self._supervisor.wait_for(lambda: is_served(port), math.inf, report):
            raise CoordinatorError(f"the Report API does not start; {_why(log)}")
        url = f"http://{HOST}:{port}"
        self.environment.setdefault(settings.REPORT_URL_VARIABLE, url)
        self._tell("Leaderboard", url)

    def go_live(self, webserver: Webserver) -> None:
        """Start the sensors of the challenge, and stop those of others."""
        key = self._where.challenge.key
        names = {f"{key}_{name}" for name in SENSORS}
        with self._console.status("Dagster starts ..."):
            self._await(webserver.is_up, "the webserver")
            self._run_sensors(webserver, names)
        self._tell("Dagster UI", webserver.url)

    def _run_sensors(self, webserver: Webserver, names: set[str]) -> None:
        """Have the sensors run. A location has some time to load, while anybody could tell."""
        told, deadline = "", time.monotonic() + LOADING_SECONDS
        while True:
            try:
                if webserver.run_sensors(names):
                    return
            except WebserverError as error:
                if told != str(error):
                    told = str(error)
                    self._console.print(f"[yellow]{escape(told)}; asking again[/]")
                deadline = time.monotonic() + LOADING_SECONDS
            if time.monotonic() > deadline:
                raise CoordinatorError(
                    f"the code location of {self._where.challenge.name} cannot be loaded: "
                    f"{webserver.load_errors() or f'see {self._logs}'}"
                )
            self._supervisor.watch()
            time.sleep(POLL_SECONDS)

    def _port(self, wanted: int) -> int:
        port = next_free_port(wanted)
        if port != wanted:
            self._console.print(f"[yellow]Port {wanted} is taken; {port} is used instead.[/]")
        return port

    def _tell(self, name: str, url: str, more: str = "") -> None:
        self.addresses[name] = url
        self._console.print(f"{f'{name}:':12} {url}{f' ({more})' if more else ''}")

    def _prune_runs(self) -> None:
        """Once a day, delete the runs of Dagster that nobody needs any more."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + DAY_SECONDS
        command = [coordinator_command(), "runs", "prune", "--older-than", str(KEEP_RUNS_DAYS)]
        log = self._logs / "prune.log"
        self._supervisor.run_once(Program("prune", command, self.environment, log))

    def _await(self, ready: Callable[[], bool], what: str) -> None:
        if not self._supervisor.wait_for(ready, PATIENCE_SECONDS):
            raise CoordinatorError(f"{what} does not start; {self._logs} says why")

    def watch(self) -> None:
        """Look after all programs once, and prune Dagster's runs once a day."""
        self._supervisor.watch()
        self._prune_runs()


def _why(log: Path) -> str:
    """Where a program says why it does not start, and the last thing that it said."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    said = next((line for line in reversed(lines) if line.strip()), "nothing")
    return f"{log} says why: {said.removeprefix('Error: ')}"
