"""A running ``coordinator dev`` on PostgreSQL, and its processes by what they do.

Add here how the stack is run and who is who in it; avoid killing (``killing``). Processes are
found by descent from the one that was started here, never by name alone: others may run stacks
on this machine too.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import dagster as dg
import pytest

from coordinator_pipelines.settings import DAGSTER_URL_SCHEME, DAGSTER_URL_VARIABLE
from tests.browser.conftest import answers, free_port
from tests.command import Commands, family, require_gone, wait_for
from tests.faults.challenge import NAME, write_challenge
from tests.postgresql import PostgresServer
from tests.support.run_workers import run_workers

LIVE_SECONDS = 180.0
STOP_SECONDS = 90.0


class Victim(StrEnum):
    """What can be killed."""

    CAPTURE = "capture run"
    RESOLVER = "resolver run"
    DAEMON = "daemon"
    MODEL_HOST = "model host"
    POSTGRESQL = "PostgreSQL"
    CODE_SERVER = "code server"
    WEBSERVER = "webserver"


COMMANDS = {
    Victim.DAEMON: "dagster-daemon run",
    Victim.MODEL_HOST: "models up",
    Victim.CODE_SERVER: f"--location-name {NAME} ",
    Victim.WEBSERVER: "dagster-webserver ",
}
"""What the command lines of programs say that ``coordinator dev`` starts by itself."""
JOBS = {Victim.CAPTURE: f"{NAME}_capture", Victim.RESOLVER: f"{NAME}_resolve"}


@dataclass
class Stack:
    """A challenge that is live; ``seen``: every process that was ever part of it."""

    commands: Commands
    server: PostgresServer
    spec: Path
    database_url: str
    port: int
    dev: "subprocess.Popen[str]"
    dagster: dg.DagsterInstance
    seen: dict[int, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What ``coordinator dev`` said."""
        return _log(self.commands)

    @property
    def instance(self) -> Path:
        """The directory of the Dagster instance."""
        return self.commands.home / "dagster"

    def processes(self, victim: Victim) -> list[int]:
        """The living processes of a kind."""
        members = self.look()
        if victim in JOBS:
            return [pid for pid in run_workers(self.dagster, JOBS[victim]) if pid in members]
        says = COMMANDS[victim]
        return [pid for pid in _children(self.dev.pid) if says in f"{members.get(pid, '')} "]

    def look(self) -> dict[int, str]:
        """All processes there are now, by id; they are remembered."""
        members = family(self.dev.pid)
        self.seen |= members
        return members

    def serves(self) -> bool:
        """Whether the UI answers."""
        return answers(f"http://127.0.0.1:{self.port}")

    def stop(self) -> None:
        """Stop it as a user does, and see that nothing is left."""
        self.look()
        self.dev.send_signal(signal.SIGINT)
        assert self.dev.wait(timeout=STOP_SECONDS) == 0, self.log.read_text()
        require_gone(self.seen)


@contextmanager
def running_stack(directory: Path, server: PostgresServer, model_runner: Path) -> Iterator[Stack]:
    """The challenge live, from its first round to the end of the block."""
    spec = write_challenge(directory, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    url, dagster_url = (server.create_database(name) for name in ("challenge", "dagster"))
    commands = Commands(
        directory,
        extra={
            f"COORDINATOR_DATABASE_URL_{NAME.upper()}": url,
            DAGSTER_URL_VARIABLE: f"{DAGSTER_URL_SCHEME}{dagster_url.partition('://')[2]}",
            "COORDINATOR_MODEL_RUNNER": str(model_runner),
        },
    )
    port = free_port()
    log = _log(commands)
    dev = commands.start("dev", "--spec", str(spec), "--port", str(port), log=log)
    try:
        wait_for(
            lambda: "  board  " in log.read_text() or dev.poll() is not None,
            seconds=LIVE_SECONDS,
            why="the challenge is not live",
        )
        assert dev.poll() is None, log.read_text()
        with _opened(commands) as dagster:
            yield Stack(commands, server, spec, url, port, dev, dagster)
    finally:
        commands.end_all()


@contextmanager
def _opened(commands: Commands) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the stack, which finds its database in the environment."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(DAGSTER_URL_VARIABLE, commands.extra[DAGSTER_URL_VARIABLE])
        with dg.DagsterInstance.from_config(str(commands.home / "dagster")) as instance:
            yield instance


def _log(commands: Commands) -> Path:
    return commands.directory / "dev.log"


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
