"""``coordinator dev``: refused with a reason, or up until it is told to stop."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from tests.browser.conftest import answers, free_port
from tests.command import Commands, family, require_gone, signal_ignored, wait_for

STOP_SECONDS = 120
"""On a busy machine; each of seven programs has some seconds to end by itself."""


def test_a_port_in_use_is_named(coordinator: Commands):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = coordinator.refuse("dev", "--port", str(port))
    assert f"port {port} cannot be used" in said
    assert "--port" in said


@pytest.fixture
def live(tmp_path: Path, model_runner: RunnerEnvironment) -> Iterator[Commands]:
    """Commands in an empty home that find the published model runner."""
    commands = Commands(tmp_path, extra={"COORDINATOR_MODEL_RUNNER": str(model_runner.directory)})
    yield commands
    commands.end_all()


@pytest.mark.slow
def test_dev_is_live_on_an_empty_home_and_stops_with_all_its_processes(live: Commands):
    port = free_port()
    log = live.directory / "dev.log"
    dev = live.start("dev", "--port", str(port), log=log)
    wait_for(lambda: "  round  " in log.read_text(), why="no round", seconds=150)
    assert answers(f"http://127.0.0.1:{port}")
    assert "already at work" in live.refuse("demo")
    processes = family(dev.pid)
    assert len(processes) > 10
    dev.send_signal(signal.SIGINT)
    assert dev.wait(timeout=STOP_SECONDS) == 0
    require_gone(processes)
    said = log.read_text()
    assert re.search("round  [5-7] success", said)  # one abstains, one fails, now and then
    assert "Traceback" not in said


@pytest.mark.slow
def test_what_dies_is_started_again(live: Commands):
    port = free_port()
    log = live.directory / "dev.log"
    dev = live.start("dev", "--port", str(port), log=log)
    wait_for(lambda: "is live" in log.read_text(), why="not live", seconds=150)
    [host] = [pid for pid, line in family(dev.pid).items() if "models up" in line]
    os.kill(host, signal.SIGKILL)
    wait_for(lambda: "model host was killed by signal 9" in log.read_text(), why="not seen")
    wait_for(lambda: "  round  " in log.read_text(), why="no round", seconds=150)
    dev.send_signal(signal.SIGTERM)
    dev.wait(timeout=STOP_SECONDS)


@pytest.mark.slow
def test_dev_in_the_background_of_a_script_is_stopped_by_sigterm(live: Commands):
    port = free_port()
    log = live.directory / "dev.log"
    with signal_ignored(signal.SIGINT):
        dev = live.start("dev", "--port", str(port), log=log)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}"), why="no UI", seconds=150)
    processes = family(dev.pid)
    dev.send_signal(signal.SIGTERM)
    dev.wait(timeout=STOP_SECONDS)
    require_gone(processes)
