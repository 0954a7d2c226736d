"""The real host with the real published runner: sandbox, restarts, redeploys, and the end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from coordinator_pipelines import settings
from coordinator_pipelines.cli.location import starter_spec
from coordinator_pipelines.domain.errors import RunnerError
from coordinator_pipelines.domain.models import Ask, Call, EventKind, Limits, Outcome, Question
from coordinator_pipelines.domain.spec_sections import CallShape
from coordinator_pipelines.models.host.isolation import Tier, strongest_tier
from coordinator_pipelines.models.host.runner_environment import RunnerEnvironment
from coordinator_pipelines.models.live import ProtocolModels
from tests.models.live.conftest import START, eventually

pytestmark = pytest.mark.slow

LIMITS = Limits(2.0, 20.0, 65536, 3)
COMMAND = "from coordinator_pipelines.cli.main import main; main()"
LOOK_AROUND = """
import os, socket
def reach(path):
    try:
        return bool(os.listdir(path)) if os.path.isdir(path) else bool(open(path).read(1))
    except OSError as error:
        return type(error).__name__
def write(path):
    try:
        open(path, "w").write("x")
        return True
    except OSError:
        return False
def connect():
    try:
        socket.create_connection(("1.1.1.1", 53), 0.5)
        return True
    except OSError:
        return False
return {
    "uid": os.getuid(), "hosts": reach("/etc/hosts"), "secret": reach(SECRET),
    "code": write("/model/main.py"), "resources": write("/model/resources/x"),
    "network": connect(), "environment": sorted(os.environ),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> RunnerEnvironment:
    """The published runner's environment: the one that is named, or one made for these tests."""
    try:
        home = tmp_path_factory.mktemp("runner")
        return RunnerEnvironment.find(settings.model_runner(), home, lambda _: None)
    except RunnerError as error:
        required = "runner" in os.environ.get("COORDINATOR_TEST_REQUIRE", "")
        (pytest.fail if required else pytest.skip)(str(error))


class Host:
    """A running host and a client of it."""

    def __init__(self, stack: ExitStack, directory: Path, python: Path) -> None:
        self._stack = stack
        self.directory = directory
        self.python = python
        self.log = directory / "host.log"
        self.roster = []

    def write(self, model_id, predict="return {'p_up': 0.5}", main=None):
        """A model: the body of its ``predict``, or all of its main.py."""
        body = indent(dedent(predict).strip(), " " * 8)
        base = "from coordinator_pipelines.starter.tracker import TrackerBase\n"
        method = f"class Model(TrackerBase):\n    def predict(self, *given):\n{body}\n"
        path = self.directory / "models" / model_id / "main.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(main if main is not None else base + method)
        if model_id not in self.roster:
            self.roster.append(model_id)

    def up(self, path=None):
        entries = [{"id": each, "owner": "alice", "path": f"models/{each}"} for each in self.roster]
        shared = ["coordinator_pipelines.starter.tracker"]
        roster = {"shared_modules": shared, "models": entries}
        (self.directory / "models.yaml").write_text(yaml.safe_dump(roster))
        spec = yaml.safe_load(starter_spec().read_text())
        spec["start"] = "2026-11-01T00:00:00Z"
        spec["limits"] = {"setup_timeout_seconds": 20.0}
        (self.directory / "spec.json").write_text(json.dumps(spec, default=str))
        environment = {
            **os.environ, "COORDINATOR_HOME": str(self.directory / "home"),
            "COORDINATOR_MODEL_RUNNER": str(self.python), "SECRET": "must not be seen",
            "PATH": path or os.environ["PATH"],
        }  # fmt: skip
        command = [sys.executable, "-c", COMMAND, "models", "up", "--port", "0", "--api-port", "0"]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--spec", str(self.directory / "spec.json")],
                env=environment, stdout=output, stderr=output,
            )  # fmt: skip
        self._stack.callback(self.end)
        announced = r"ws://127.0.0.1:(\d+)/.* at http://127.0.0.1:(\d+)/models"
        found = eventually(lambda: re.search(announced, self.log.read_text()))
        self.port, self.api_port = int(found[1]), int(found[2])
        return self

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def connect(self):
        self.live = self._stack.enter_context(
            ProtocolModels(
                host="127.0.0.1", port=self.port, crunch_id="starter-challenge",
                base_class="tracker.TrackerBase", call=CallShape(), concurrency=4,
                report_after_failures=3, report_after_seconds=0.0,
            )
        )  # fmt: skip
        return self.live

    def joined(self, *model_ids):
        eventually(lambda: {each.model_id for each in self.live.members()} >= set(model_ids))

    def deployment(self, model_id):
        found = {each.model_id: each.code_hash for each in self.live.members()}
        return found.get(model_id)

    def ask(self, limits=LIMITS):
        call = Call("config", ("BTC", 60, 60))
        ask = Ask("live", {"BTC": [[0, 1.0]]}, (Question(START, {"BTC": []}, (call,)),), limits)
        [(_, answers)] = self.live.ask_each([(ask, self.live.members())])
        return {answer.model_id: answer for answer in answers}

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}{path}") as answer:
            return answer.read().decode()

    def rows(self):
        return {row["id"]: row for row in json.loads(self.get("/models"))}


@pytest.fixture
def host(tmp_path, environment) -> Iterator[Host]:
    with ExitStack() as stack:
        yield Host(stack, tmp_path, environment.python)


def parents():
    """The parent of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(") ")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def below(pid):
    """All processes below one."""
    known, found = parents(), {pid}
    while more := {child for child, parent in known.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_the_models_are_isolated_where_the_machine_allows(host, environment):
    tier = strongest_tier(environment)
    if tier is Tier.TRUSTED:
        required = "bubblewrap" in os.environ.get("COORDINATOR_TEST_REQUIRE", "")
        (pytest.fail if required else pytest.skip)("bubblewrap does not work here")
    secret = host.directory / "secret"
    secret.write_text("secret")
    host.write("spy", LOOK_AROUND.replace("SECRET", repr(str(secret))))
    host.up().connect()
    assert f"Models run {tier.value}" in host.log.read_text()
    host.joined("spy")
    seen = json.loads(host.ask()["spy"].output)
    uid = seen.pop("uid")
    assert (uid == os.getuid()) == (os.getuid() != 0 or tier is Tier.SANDBOX_SAME_USER)
    assert seen.pop("environment") == sorted([
        "HOME", "LANG", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH",
        "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "TMPDIR", "TZ",
    ])  # fmt: skip
    assert seen.pop("processes") <= 3
    assert seen == {
        "hosts": "FileNotFoundError", "secret": "FileNotFoundError", "code": False,
        "resources": True, "network": False,
    }  # fmt: skip


def test_a_traceback_can_be_read_and_who_never_sets_up_stops_nobody(host):
    host.write("good")
    host.write("raises", "raise ValueError('what went wrong')")
    host.write("broken", main="import nothing_of_that_name\n")
    host.up().connect()
    host.joined("good", "raises")
    answers = host.ask()
    assert answers["good"].output == '{"p_up": 0.5}'
    assert "what went wrong" in answers["raises"].reason
    assert "ValueError: what went wrong" in host.get("/models/logs/runner/raises")
    eventually(lambda: host.rows()["broken"]["status"] == "RUNNER_FAILED")
    assert "No Inherited class" in host.rows()["broken"]["statusMessage"]
    assert host.rows()["good"]["status"] == "RUNNER_RUNNING"
    assert host.rows()["good"]["desired_state"] == "RUNNING"


def test_changed_files_are_redeployed_without_a_gap(host):
    host.write("model", "return 'old'")
    host.up().connect()
    host.joined("model")
    before = host.deployment("model")
    host.write("model", "return 'new'")
    while host.deployment("model") == before:
        assert host.ask()["model"].outcome is Outcome.SUCCESS
        time.sleep(0.02)
    eventually(lambda: host.deployment("model") is not None)
    assert host.ask()["model"].output == '"new"'
    host.write("model", main="this is no Python")
    eventually(lambda: host.rows()["model"]["statusMessage"])
    assert host.ask()["model"].output == '"new"'


def test_a_model_that_exits_is_restarted_as_a_new_deployment(host):
    host.write("exits", "import os; os._exit(3)")
    host.up().connect()
    host.joined("exits")
    before = host.deployment("exits")
    assert host.ask()["exits"].outcome is not Outcome.SUCCESS
    eventually(lambda: host.deployment("exits") not in (None, before))
    kinds = {event.kind for event in host.live.drain_events()}
    assert kinds == {EventKind.JOINED, EventKind.VANISHED}


def test_a_model_that_hangs_is_reported_and_stopped_until_its_files_change(host):
    host.write("hangs", "import time; time.sleep(1000)")
    host.write("good")
    host.up().connect()
    host.joined("hangs", "good")
    for _ in range(3):
        answers = host.ask(Limits(0.3, 10.0, 65536, 3))
        assert answers["hangs"].outcome is Outcome.TIMEOUT
        assert answers["good"].outcome is Outcome.SUCCESS
    eventually(lambda: host.rows()["hangs"]["desired_state"] == "STOPPED")
    assert "MULTIPLE_TIMEOUT" in host.rows()["hangs"]["statusMessage"]
    host.write("hangs", "return 'awake'")
    host.joined("hangs")
    assert host.ask()["hangs"].output == '"awake"'


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
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
    host.up(path=str(Path(sys.executable).parent)).connect()
    assert "TRUSTED MODELS ONLY" in host.log.read_text()
    host.joined("model")
    assert host.ask()["model"].outcome is Outcome.SUCCESS
    runners = below(host.process.pid)
    host.process.kill()
    host.process.wait(20)
    eventually(lambda: not runners & parents().keys())
