"""What runs from a home: found while it lives, and ended with all that it started."""

import json
import os
import re
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.resources.lifeline import StackLifeline
from coordinator_pipelines.stack.deployment import Deployment, running, sole_deployment
from coordinator_pipelines.stack.ports import next_free_port
from coordinator_pipelines.stack.readiness import told_to, wait_until_told
from tests.command import (
    Commands,
    command_line,
    family,
    require_gone,
    signal_ignored,
    wait_for,
)

STACK = """
import subprocess, sys, time
from pathlib import Path
from coordinator_pipelines.stack.deployment import Deployment, sole_deployment
from coordinator_pipelines.stack import interruption
interruption.heed()
home, sleeper = Path(sys.argv[1]), [sys.executable, "-c", sys.argv[2]]
deployment = Deployment.of_this_process("btc-trader", home / "spec.yaml")
with sole_deployment(home, deployment):
    started = {"env": deployment.environment, "start_new_session": True}
    child = subprocess.Popen(sleeper, **started)
    deployment.write(home, {"Leaderboard": "http://127.0.0.1:1"})
    time.sleep(60)
"""
SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def stack(coordinator: Commands, child: str = SLEEP) -> dict[int, str]:
    """A small stack with a child; its processes, once it is recorded."""
    arguments = ("-c", STACK, str(coordinator.home), child)
    process = coordinator.start(*arguments, program="python", log=coordinator.directory / "said")
    record = coordinator.home / "stack.json"
    wait_for(lambda: record.exists() and "Leaderboard" in record.read_text(), why="not recorded")
    members = family(process.pid)
    assert len(members) == 2
    return members


def test_nothing_runs_from_an_empty_home(coordinator: Commands):
    said = coordinator.succeed("down")
    assert said == f"Nothing runs from {coordinator.home}.\n"
    assert not coordinator.home.exists()


def test_a_second_stack_is_refused_and_the_first_one_is_named(coordinator: Commands):
    stack(coordinator)
    leader = coordinator.started[-1]
    said = coordinator.refuse("deploy")
    assert re.search(rf"btc-trader runs from \S+ already \(process {leader.pid}, since 20", said)
    assert "Leaderboard http://127.0.0.1:1" in said
    assert "down`" in said
    assert "COORDINATOR_HOME" in said


@pytest.mark.slow
def test_down_ends_all_processes_even_a_stubborn_one(coordinator: Commands):
    members = stack(coordinator, STUBBORN)
    assert coordinator.succeed("down") == "btc-trader is stopped (2 processes).\n"
    require_gone(members)
    assert coordinator.succeed("down").startswith("Nothing runs")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stack_ends_even_if_it_was_started_to_ignore_that(
    coordinator: Commands, number: signal.Signals
):
    with signal_ignored(number):
        stack(coordinator)
    coordinator.started[-1].send_signal(number)
    assert coordinator.started[-1].wait(timeout=60) != 0
    assert not (coordinator.home / "stack.json").exists()
    coordinator.succeed("down")


def test_a_record_that_was_left_behind_hits_nobody_who_has_its_process_id(coordinator: Commands):
    coordinator.home.mkdir()
    other = Deployment(os.getpid(), "old", "spec.yaml", datetime.now(UTC), "no-such-mark")
    other.write(coordinator.home, {})
    (coordinator.home / "stack.lock").touch()
    assert coordinator.succeed("down").startswith("Nothing runs")
    assert running(coordinator.home) is None
    assert not (coordinator.home / "stack.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the environment of others")
def test_what_a_killed_stack_has_left_is_ended(coordinator: Commands):
    members = stack(coordinator)
    parent = coordinator.started[-1]
    [child] = members.keys() - {parent.pid}
    parent.kill()
    parent.wait()
    assert command_line(child)
    assert "Ended 1 processes" in coordinator.succeed("down")
    require_gone(members)


def test_a_stack_that_ends_by_itself_leaves_no_record(tmp_path: Path):
    deployment = Deployment.of_this_process("btc-trader", tmp_path / "spec.yaml")
    with sole_deployment(tmp_path, deployment):
        assert running(tmp_path) == deployment
        with pytest.raises(CoordinatorError, match="btc-trader runs from"):
            sole_deployment(tmp_path, deployment).__enter__()
    assert running(tmp_path) is None


def test_readiness_is_told_through_a_pipe():
    reading, writing = os.pipe()
    with told_to(writing) as ready:
        ready()
    wait_until_told(reading, lambda: None)


def test_an_error_is_told_through_a_pipe():
    reading, writing = os.pipe()
    with pytest.raises(CoordinatorError), told_to(writing):
        raise CoordinatorError("port 1 cannot be used\n(it is reserved)")
    with pytest.raises(CoordinatorError, match=r"port 1 cannot be used\n\(it is reserved\)"):
        wait_until_told(reading, lambda: None)


def test_who_ends_without_a_word_is_noticed():
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(EOFError):
        wait_until_told(reading, lambda: None)


def test_the_next_port_is_taken_if_one_is_in_use():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert next_free_port(taken) != taken


def write_logs(home: Path) -> None:
    """Logs of two programs and a model."""
    (home / "logs" / "btc" / "models").mkdir(parents=True)
    (home / "logs" / "stack.log").write_text("".join(f"line {n}\n" for n in range(20_000)))
    (home / "logs" / "report.log").write_text("\x1b[31mred\x1b[0m\x07\n")
    (home / "logs" / "btc" / "models" / "half.log").write_text("one\ntwo\n")


def test_logs_show_the_newest_lines_of_each_without_control_characters(coordinator: Commands):
    write_logs(coordinator.home)
    assert coordinator.succeed("logs", "-n", "2").splitlines() == [
        "btc/models/half | one",
        "btc/models/half | two",
        "report | red ",
        "stack | line 19998",
        "stack | line 19999",
    ]


def test_logs_can_be_chosen_by_name_or_directory(coordinator: Commands):
    write_logs(coordinator.home)
    said = coordinator.succeed("logs", "-n", "1", "btc", "report")
    assert said.splitlines() == ["btc/models/half | two", "report | red "]
    said = coordinator.refuse("logs", "rep")
    assert "there is no log of rep" in said
    assert "btc/models/half, report, stack" in said


def test_without_logs_there_is_nothing_to_show(coordinator: Commands):
    assert "nothing was deployed from here" in coordinator.refuse("logs")


def test_logs_are_followed_as_long_as_the_stack_runs(coordinator: Commands):
    stack(coordinator)
    leader = coordinator.started[-1]
    write_logs(coordinator.home)
    shown = coordinator.directory / "shown"
    follower = coordinator.start("logs", "--follow", "-n", "0", log=shown)
    log = coordinator.home / "logs" / "stack.log"

    def followed() -> bool:
        with log.open("a") as file:
            file.write("news\n")
        return "stack | news" in shown.read_text()

    wait_for(followed, why="not followed")
    (coordinator.home / "logs" / "new.log").write_text("a program\n")
    wait_for(lambda: "new | a program" in shown.read_text(), why="a new log is not followed")
    leader.terminate()
    assert follower.wait(timeout=60) == 0
    coordinator.succeed("down")


def test_a_record_says_what_other_programs_want_to_know(tmp_path: Path):
    deployment = Deployment.of_this_process("btc-trader", tmp_path / "spec.yaml")
    deployment.write(tmp_path, {"Dagster UI": "http://127.0.0.1:3000"})
    record = json.loads((tmp_path / "stack.json").read_text())
    assert record["pid"] == os.getpid()
    assert record["addresses"] == {"Dagster UI": "http://127.0.0.1:3000"}
    assert datetime.fromisoformat(record["started_at"]).tzinfo is not None


def test_what_a_stack_started_knows_when_it_is_gone(coordinator: Commands, monkeypatch):
    lifeline = StackLifeline()
    monkeypatch.setenv("COORDINATOR_HOME", str(coordinator.home))
    assert lifeline.severed() is None, "nothing started this process"
    monkeypatch.setenv("COORDINATOR_STACK", "a mark")
    [parent, _] = stack(coordinator)
    assert lifeline.severed() is None
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: lifeline.severed() == "the stack that started it is gone", why="not noticed")
