"""The real host with the real published runner, as a process of its own, and a client of it.

Add here what tests of the host need; avoid what one of them asserts.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.doors.models import Ask, Call, Limits, Question
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.live.protocol_models import ProtocolModels
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from tests.models.live.conftest import START, eventually

LIMITS = Limits(2.0, 20.0, 65536, 3)
COMMAND = "from coordinator_pipelines.cli.main import main; main()"


class Host:
    """A running host and a client of it."""

    def __init__(self, stack: ExitStack, directory: Path, python: Path) -> None:
        self._stack = stack
        self.directory = directory
        self.python = python
        self.log = directory / "host.log"
        self.roster = []
        self.limits = {"setup_timeout_seconds": 20.0}
        # Sockets need short paths, and the users of models a way to them.
        self.temporary = Path(tempfile.mkdtemp())
        self.temporary.chmod(0o755)
        stack.callback(shutil.rmtree, self.temporary)

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

    def require(self, model_id, packages):
        (self.directory / "models" / model_id / "requirements.txt").write_text(packages)

    def write_spec(self):
        entries = [{"id": each, "owner": "alice", "path": f"models/{each}"} for each in self.roster]
        shared = ["coordinator_pipelines.starter.tracker"]
        roster = {"shared_modules": shared, "models": entries}
        (self.directory / "models.yaml").write_text(yaml.safe_dump(roster))
        spec = yaml.safe_load(starter_spec().read_text())
        spec["start"] = "2026-11-01T00:00:00Z"
        spec["limits"] = self.limits
        path = self.directory / "spec.json"
        path.write_text(json.dumps(spec, default=str))
        return path

    def start(self, spec, port=0, output=None, options=(), **environment):
        """The command, as a process without a terminal."""
        given = {
            **os.environ, "COORDINATOR_HOME": str(self.directory / "home"),
            "COORDINATOR_MODEL_RUNNER": str(self.python), "SECRET": "must not be seen",
            "TMPDIR": str(self.temporary), **environment,
        }  # fmt: skip
        arguments = ["--spec", str(spec), "--port", str(port), "--api-port", "0", *options]
        with (output or self.log).open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-c", COMMAND, "models", "up", *arguments],
                env=given, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip

    def up(self, spec=None, **environment):
        self.process = self.start(spec or self.write_spec(), **environment)
        self._stack.callback(self.end)
        announced = r"^Model host ready: .* ws://.*:(\d+)/.* http://.*:(\d+)/models$"
        found = eventually(lambda: re.search(announced, self.log.read_text(), re.MULTILINE), 60)
        self.port, self.api_port = int(found[1]), int(found[2])
        return self

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def connect(self, failures=3, seconds=0.0):
        self.live = self._stack.enter_context(
            ProtocolModels(
                host="127.0.0.1", port=self.port, crunch_id="starter-challenge",
                base_class="tracker.TrackerBase", call=CallShape(), concurrency=4,
                report_after_failures=failures, report_after_seconds=seconds,
            )
        )  # fmt: skip
        return self.live

    def joined(self, *model_ids, **patience):
        expected = set(model_ids)
        eventually(lambda: {each.model_id for each in self.live.members()} >= expected, **patience)

    def deployment(self, model_id):
        found = {each.model_id: each.code_hash for each in self.live.members()}
        return found.get(model_id)

    def ask(self, limits=LIMITS):
        call = Call("config", ("BTC", 60, 60))
        ask = Ask(
            "live", ({"BTC": [[0, 1.0]]},), (Question(START, ({"BTC": []},), (call,)),), limits
        )
        [(_, answers)] = self.live.ask_each([(ask, self.live.members())])
        return {answer.model_id: answer for answer in answers}

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}{path}") as answer:
            return answer.read().decode()

    def rows(self):
        return {row["id"]: row for row in json.loads(self.get("/models"))}

    def status(self, model_id):
        return self.rows().get(model_id, {}).get("status")


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


@pytest.fixture(scope="session")
def environment(model_runner: RunnerEnvironment) -> RunnerEnvironment:
    """The published runner's environment."""
    return model_runner


@pytest.fixture
def host(tmp_path, environment) -> Iterator[Host]:
    with ExitStack() as stack:
        yield Host(stack, tmp_path, environment.python)
