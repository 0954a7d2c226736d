"""Runs whose process vanished together with everything that watched it."""

import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml

from coordinator_pipelines.stack.code_servers import code_servers, workspace_of
from coordinator_pipelines.stack.daemon import running, sole_daemon
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from tests.command import Commands, command_line, wait_for
from tests.stack.instance.waiting_location import STARTED

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home_environment")]

LOCATION = Path(__file__).with_name("waiting_location.py")


def parent(pid: int) -> int:
    """The parent of a process."""
    told = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, check=True)
    return int(told.stdout)


class Waiting:
    """An instance with a run that waits to be killed, and the daemon that started it."""

    def __init__(self, directory: Path) -> None:
        workspace = directory / "workspace.yaml"
        entry = {"python_file": {"relative_path": str(LOCATION), "location_name": "waiting"}}
        workspace.write_text(yaml.safe_dump({"load_from": [entry]}))
        self.instance = LocalInstance.prepare([workspace], print)
        self.started = directory / "started"
        self.log = directory / "daemon.log"

    def launch(self) -> None:
        """Put the run into the queue."""
        launch = self.instance.command("dagster", "job", "launch", "-j", "waiting")
        commands = Commands(self.started.parent, extra=self.environment)
        commands.succeed(*launch[1:], program="dagster")

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Dagster's processes."""
        return {**self.instance.environment, STARTED: str(self.started)}

    def daemon(self):
        """A daemon until the block ends."""
        return self._running(self.instance.command("dagster-daemon", "run"), self.log)

    @contextmanager
    def daemon_and_code_server(self):
        """A daemon and, apart from it as in ``coordinator dev``, a code server; yields that."""
        [server] = code_servers(self.instance.workspaces)
        shared = workspace_of([server], self.started.parent / "shared.yaml")
        self.instance = replace(self.instance, workspaces=(shared,))
        with (
            self._running(server.command, self.log.with_name("server.log")) as process,
            self.daemon(),
        ):
            yield process

    def _running(self, command, log):
        return running(command, self.environment, log, self.reservation)

    def status(self) -> dg.DagsterRunStatus:
        """The state of the run."""
        with open_instance(self.instance.directory) as instance:
            return instance.get_runs()[0].status

    def checks(self) -> int:
        """How often the daemon has looked after the run."""
        return self.log.read_text().count("Checking run")

    def pid(self) -> int:
        """The process of the run, once there is one."""
        wait_for(self.started.exists, why="the run does not start")
        return int(self.started.read_text())


@pytest.fixture
def waiting(tmp_path: Path):
    """An instance with a queued run."""
    waiting = Waiting(tmp_path)
    waiting.launch()
    with sole_daemon(waiting.instance.directory) as waiting.reservation:
        yield waiting


def test_a_run_that_was_killed_with_its_daemon_fails_when_the_daemon_is_back(waiting: Waiting):
    with waiting.daemon() as process:
        pid = waiting.pid()
        os.killpg(process.pid, signal.SIGKILL)
    wait_for(lambda: not command_line(pid), why="the run's process is left")
    assert waiting.status() is dg.DagsterRunStatus.STARTED
    with waiting.daemon():
        failed = dg.DagsterRunStatus.FAILURE
        wait_for(lambda: waiting.status() is failed, seconds=40, why="the run still counts")


def test_a_run_that_outlives_its_code_server_is_left_alone_until_it_is_gone(waiting: Waiting):
    with waiting.daemon():
        pid = waiting.pid()
        os.kill(parent(pid), signal.SIGKILL)
        checked = waiting.checks()
        wait_for(lambda: waiting.checks() > checked + 1, why="runs are not monitored")
        assert waiting.status() is dg.DagsterRunStatus.STARTED
        os.kill(pid, signal.SIGKILL)
        failed = dg.DagsterRunStatus.FAILURE
        wait_for(lambda: waiting.status() is failed, seconds=40, why="the run still counts")


def test_a_run_is_gone_with_its_process_whatever_becomes_of_the_code_server(waiting: Waiting):
    with waiting.daemon_and_code_server() as server:
        pid = waiting.pid()
        os.kill(server.pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        failed = dg.DagsterRunStatus.FAILURE
        wait_for(lambda: waiting.status() is failed, seconds=40, why="the run still counts")
        os.kill(server.pid, signal.SIGCONT)
