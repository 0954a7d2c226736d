"""``coordinator dev``: a live challenge on this machine, with all that it needs."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from coordinator_pipelines import settings
from coordinator_pipelines.cli import location
from coordinator_pipelines.cli.backfill import clear_abandoned
from coordinator_pipelines.cli.code_servers import code_servers, workspace_of
from coordinator_pipelines.cli.daemon import sole_daemon
from coordinator_pipelines.cli.database import set_up_database
from coordinator_pipelines.cli.happenings import Happenings
from coordinator_pipelines.cli.instance import LocalInstance
from coordinator_pipelines.cli.ports import HOST, free_port, is_served, require_free
from coordinator_pipelines.cli.real_prices import FEEDS, challenge_on_feed
from coordinator_pipelines.cli.supervisor import Program, Supervisor, supervision
from coordinator_pipelines.cli.terminal import open_console
from coordinator_pipelines.cli.webserver import Webserver
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.models.host.host import READY

MODELS_PORT = 9091
REPORT_PORT = 8000
KEEP_RUNS_DAYS = 7
DAY_SECONDS = 86400.0
PATIENCE_SECONDS = 90.0
LOADING_SECONDS = 45.0
INSTALL_SECONDS = 900.0
"""The published runner is half a gigabyte, fetched once."""
TELL_SECONDS = 2.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option(
    "--feed",
    type=click.Choice(["simulated", *FEEDS]),
    default="simulated",
    show_default=True,
    help="Whose prices; a vendor's make a challenge and a database of their own.",
)
@click.option("--spec", type=click.Path(path_type=Path), help="Another challenge than the starter.")
def dev(port: int, feed: str, spec: Path | None) -> None:
    """Run a challenge live: its models, Dagster with UI, and everything captured."""
    require_free(port, "name another one: coordinator dev --port 3001 (make dev PORT=3001)")
    console = open_console()
    where = _location(feed, spec)
    set_up_database(where.challenge)
    set_up_database(location.starter().challenge)
    instance = LocalInstance.prepare(location.known_workspaces())
    with sole_daemon(instance.directory) as reservation:
        clear_abandoned(instance)
        with supervision(lambda line: console.print(f"[yellow]{escape(line)}[/]")) as supervisor:
            stack = Stack(console, supervisor, instance, where)
            try:
                stack.start_models()
                stack.start_report()
                stack.start_dagster(port, reservation)
                stack.go_live(Webserver(f"http://{HOST}:{port}"))
                stack.tell_what_happens()
            except KeyboardInterrupt:
                console.print("\nStopping; rounds that are being asked are still stored ...")


def _coordinator() -> str:
    """This command, as it is installed in this environment."""
    return str(Path(sys.executable).with_name("coordinator"))


def _location(feed: str, spec: Path | None) -> location.Location:
    if spec is not None and feed != "simulated":
        raise click.UsageError("--feed says whose prices the starter has; --spec brings its own")
    if spec is not None:
        return location.of_spec(spec)
    return location.starter() if feed == "simulated" else location.derived(challenge_on_feed(feed))


class Stack:
    """The programs of a live challenge, in the order in which they need each other."""

    def __init__(
        self,
        console: Console,
        supervisor: Supervisor,
        instance: LocalInstance,
        where: location.Location,
    ) -> None:
        self._console = console
        self._supervisor = supervisor
        self._instance = instance
        self._where = where
        self._logs = settings.home() / "logs"
        self._prune_at = time.monotonic()
        self._models_port = free_port(MODELS_PORT)
        self._environment = {
            **instance.environment,
            settings.NODE_PORT_VARIABLE: str(self._models_port),
        }

    def start_models(self) -> None:
        """The model host; it may have to install the published runner first."""
        api_port = free_port(self._models_port + 1)
        command = [_coordinator(), "models", "up", "--spec", str(self._where.spec)]
        command += ["--port", str(self._models_port), "--api-port", str(api_port)]
        log = self._logs / "model-host.log"
        log.unlink(missing_ok=True)
        host = Program("model host", command, self._environment, log)
        self._supervisor.start(host)
        with self._console.status(
            "The models start (the first time, their runner is installed: about 2 minutes) ..."
        ):
            ready = self._supervisor.wait_for(
                lambda: log.exists() and READY in log.read_text(), INSTALL_SECONDS
            )
        if not ready:
            raise CoordinatorError(f"the model host is not ready; {log} says why")
        self._console.print(f"Models:      http://{HOST}:{api_port}/models, log {log}")

    def start_dagster(self, port: int, reservation: int) -> None:
        """A code server per location; the webserver and the daemon, which ask those."""
        os.set_inheritable(reservation, True)
        servers = code_servers(self._instance.workspaces)
        for server in servers:
            name = f"code-server-{server.name}"
            log = self._logs / f"{name}.log"
            self._supervisor.start(Program(name, server.command, self._environment, log))
        # A location that is not there yet when the webserver looks counts as broken.
        self._await(lambda: all(is_served(each.port) for each in servers), "a code server")
        shared = workspace_of(servers, self._instance.directory / "shared.workspace.yaml")
        instance = replace(self._instance, workspaces=(shared,))
        for name, arguments, fds in (
            ("dagster-webserver", ["--host", HOST, "--port", str(port)], ()),
            ("dagster-daemon", ["run"], (reservation,)),
        ):
            log = self._logs / f"{name}.log"
            command = instance.command(name, *arguments)
            self._supervisor.start(Program(name, command, self._environment, log, fds))

    def start_report(self) -> None:
        """The Report API, with the public leaderboard page."""
        port = free_port(REPORT_PORT)
        command = [_coordinator(), "report", "--spec", str(self._where.spec)]
        command += ["--host", HOST, "--port", str(port)]
        log = self._logs / "report.log"
        self._supervisor.start(Program("report", command, self._environment, log))
        self._await(lambda: is_served(port), "the Report API")
        self._console.print(f"Leaderboard: http://{HOST}:{port}")

    def go_live(self, webserver: Webserver) -> None:
        """Start the sensors of the challenge, and stop those of others."""
        key = self._where.challenge.key
        names = {f"{key}_{name}" for name in ("capture", "resolve", "vital_signs")}
        with self._console.status("Dagster starts ..."):
            self._await(webserver.is_up, "the webserver")
            found = self._supervisor.wait_for(
                lambda: names <= webserver.sensor_names(), LOADING_SECONDS
            )
            if not found:
                raise CoordinatorError(
                    f"the code location of {self._where.challenge.name} cannot be loaded: "
                    f"{webserver.load_errors() or f'see {self._logs}'}"
                )
            webserver.run_sensors(names)
        self._console.print(f"Dagster UI:  {webserver.url}, logs {self._logs}")

    def _prune_runs(self) -> None:
        """Once a day, delete the runs of Dagster that nobody needs any more."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + DAY_SECONDS
        command = [_coordinator(), "runs", "prune", "--older-than", str(KEEP_RUNS_DAYS)]
        log = self._logs / "prune.log"
        self._supervisor.run_once(Program("prune", command, self._environment, log))

    def _await(self, ready: Callable[[], bool], what: str) -> None:
        if not self._supervisor.wait_for(ready, PATIENCE_SECONDS):
            raise CoordinatorError(f"{what} does not start; {self._logs} says why")

    def tell_what_happens(self) -> None:
        """Until the user stops the command: rounds, boards, and what is wrong."""
        challenge = self._where.challenge
        self._console.print(f"[bold]{challenge.name}[/] is live; Ctrl-C stops everything.\n")
        with Happenings.of(challenge) as happenings:
            while True:
                self._supervisor.watch()
                self._prune_runs()
                for line in happenings.news():
                    self._console.print(line, soft_wrap=True)
                time.sleep(TELL_SECONDS)
