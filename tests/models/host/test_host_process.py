"""The host as a command: ready without a terminal, talking in lines, and gone without a trace."""

import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.doors.models import Outcome
from tests.models.host.conftest import below, parents
from tests.models.live.conftest import eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_everything_ends_with_the_host(host, end):
    host.write("forks", "import os, time; os.fork() or time.sleep(1000)\nreturn 1")
    host.up().connect()
    host.joined("forks")
    host.ask()
    all_of_them = below(host.process.pid)
    assert len(all_of_them) >= 3
    host.process.send_signal(end)
    host.process.wait(20)
    eventually(lambda: not all_of_them & parents().keys())


def test_without_a_sandbox_the_host_says_loudly_that_it_is_for_trusted_models(host):
    host.write("model")
    host.up(PATH=str(Path(sys.executable).parent)).connect()
    assert "TRUSTED MODELS ONLY" in host.log.read_text()
    host.joined("model")
    assert host.ask()["model"].outcome is Outcome.SUCCESS
    runners = below(host.process.pid)
    host.process.kill()
    host.process.wait(20)
    eventually(lambda: not runners & parents().keys())


def test_a_restarted_host_removes_what_a_killed_one_left(host):
    host.write("model")
    host.up().connect()
    host.joined("model")
    [left] = host.temporary.iterdir()
    host.process.kill()
    host.process.wait(20)
    assert list(left.rglob("model.sock"))
    host.up().connect()
    host.joined("model")
    [fresh] = host.temporary.iterdir()
    assert fresh != left
    second = host.process
    host.up()
    assert fresh in host.temporary.iterdir()  # a live host keeps its own
    host.end()
    host.process = second
    host.end()
    assert list(host.temporary.iterdir()) == []


def test_a_port_in_use_is_an_error_that_names_it(host):
    host.write("model")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert host.start(host.write_spec(), port).wait(30) == 1
    said = host.log.read_text()
    assert f"port {port} of 127.0.0.1 cannot be used (Address already in use)" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_each_event_of_a_model_is_one_line(host):
    host.write("exits", "import os; os._exit(3)")
    host.write("changes", "return 'old'")
    host.write("broken", main="import nothing_of_that_name\n")
    host.up().connect()
    host.joined("exits", "changes")
    host.ask()
    host.write("changes", "return 'new'")
    for event in (
        "model exits: joined as deployment exits_",
        r"model exits: its process has ended \(exit 3\), restarting in 1 s",
        "model changes: redeployed as changes_.* in place of changes_",
        "model broken: not started, waiting until its files change: BAD_IMPLEMENTATION",
    ):
        line = rf"^[\d:, -]+ \| coordinator_pipelines[\w.]+ \| INFO \| {event}"
        eventually(lambda line=line: re.search(line, host.log.read_text(), re.MULTILINE))


def test_the_starters_models_run_but_for_the_odd_ones(host):
    host.up(starter_spec())
    fine = {"constant-half", "momentum", "mean-reversion", "volatility-density", "overconfident"}
    for model_id in (*fine, "flaky", "cautious"):
        eventually(lambda each=model_id: host.status(each) == "RUNNER_RUNNING")
    assert host.status("unfinished") != "RUNNER_RUNNING"
