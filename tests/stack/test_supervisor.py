"""Programs that are waited for: at most for a while, and no longer than there is hope."""

import ctypes
import itertools
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from coordinator_pipelines.stack import signs_of_life
from coordinator_pipelines.stack import supervisor as supervisor_module
from coordinator_pipelines.stack.daemon import GRACE_SECONDS, stop
from coordinator_pipelines.stack.ports import free_port
from coordinator_pipelines.stack.supervisor import Program, Supervisor, supervision

MINUTE = 60.0
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A supervisor that says nothing, and soon starts again what has died."""
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE", 0.05)
    with supervision(lambda _: None) as supervisor:
        yield supervisor


def python(code: str, directory: Path) -> Program:
    """A program of a few lines."""
    return Program("program", [sys.executable, "-c", code], {}, directory / "program.log")


def test_who_keeps_dying_is_not_waited_for_to_the_end(supervisor: Supervisor, tmp_path: Path):
    program, begun = python("raise SystemExit(3)", tmp_path), time.monotonic()
    supervisor.start(program)
    assert not supervisor.wait_for(lambda: False, MINUTE, program)
    assert program.deaths == 3
    assert time.monotonic() - begun < MINUTE / 2


def test_another_program_that_keeps_dying_disturbs_nobody(supervisor: Supervisor, tmp_path: Path):
    broken, well = (python(code, tmp_path) for code in ("raise SystemExit(3)", "input()"))
    for program in (broken, well):
        supervisor.start(program)
    assert supervisor.wait_for(lambda: broken.deaths >= 2, MINUTE, well)


def test_a_log_that_grows_too_long_is_turned_over_and_written_on(
    supervisor: Supervisor, tmp_path: Path
):
    said = (
        "import itertools, time\nfor n in itertools.count(): print(n, flush=True), time.sleep(0.01)"
    )
    program, old = python(said, tmp_path), tmp_path / "program.log.1"
    supervisor.longest_log = 100
    supervisor.start(program)
    assert supervisor.wait_for(old.exists, MINUTE)
    assert old.read_text().startswith("0\n1\n")
    assert supervisor.wait_for(lambda: not old.read_text().startswith("0\n"), MINUTE)


SERVER = "import http.server as s; s.HTTPServer(('127.0.0.1', {port}), s.BaseHTTPRequestHandler)"


@pytest.mark.slow
def test_a_program_that_is_there_but_answers_no_more_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "ASK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(supervisor_module, "UNANSWERED", 3)
    monkeypatch.setattr(signs_of_life, "ASK_SECONDS", 0.2)
    said: list[str] = []
    port = free_port()
    program = python(f"{SERVER.format(port=port)}.serve_forever()", tmp_path)
    program.sign_of_life = partial(signs_of_life.answers, f"http://127.0.0.1:{port}")
    with supervision(said.append) as supervisor:
        supervisor.start(program)
        assert supervisor.wait_for(lambda: program.answered, MINUTE)
        stopped = program.process
        assert stopped
        stopped.send_signal(signal.SIGSTOP)
        assert supervisor.wait_for(lambda: stopped.poll() == -signal.SIGKILL, MINUTE)
        assert supervisor.wait_for(lambda: program.answered, MINUTE)
        assert program.process is not stopped
    assert "gives no sign of life" in said[0]


def test_a_program_may_take_long_to_begin_and_miss_a_sign_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "ASK_EVERY_SECONDS", 0.0)
    signs = itertools.chain([False] * 90, itertools.cycle([True, *[False] * 11]))
    said: list[str] = []
    program = python("import time; time.sleep(60)", tmp_path)
    program.sign_of_life = lambda: next(signs)
    with supervision(said.append) as supervisor:
        supervisor.start(program)
        for _ in range(200):
            supervisor.watch()
        assert program.answered
    assert said == []


def test_a_program_that_never_begins_is_given_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "ASK_EVERY_SECONDS", 0.0)
    program = python("import time; time.sleep(60)", tmp_path)
    program.sign_of_life = lambda: False
    with supervision(lambda _: None) as supervisor:
        supervisor.start(program)
        for _ in range(100):
            supervisor.watch()
        assert program.deaths == 1


LEFT_UNBURIED = """
import os, subprocess, time
child = subprocess.Popen(["true"])  # without a name for it, Python would bury it if it can
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print(flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="who ends is somebody else's to bury there")
def test_what_has_ended_and_was_never_buried_is_not_waited_for():
    """As in a container whose first process takes no care of orphans: here that is this one."""
    command = [sys.executable, "-c", LEFT_UNBURIED]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout
            process.stdout.readline()
            begun = time.monotonic()
            stop(process)
            assert time.monotonic() - begun < GRACE_SECONDS / 2
        os.waitpid(-process.pid, 0)
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


FAREWELL = """
import signal, sys, time
from pathlib import Path
own, other = map(Path, sys.argv[1:])
def leave(*_):
    own.with_suffix(".asked").touch()
    while not other.with_suffix(".asked").exists():
        time.sleep(0.01)
    own.with_suffix(".well").touch()
    sys.exit()
signal.signal(signal.SIGTERM, leave)
own.touch()
time.sleep(60)
"""


def test_programs_are_stopped_side_by_side_and_the_first_one_last(tmp_path: Path):
    """Each of two waits for the other to be asked; nobody waits for the first, which is there."""
    one, other = tmp_path / "one", tmp_path / "other"
    with supervision(lambda _: None) as supervisor:
        needed = python("import time; time.sleep(60)", tmp_path)
        supervisor.start(needed)
        for own, another in ((one, other), (other, one)):
            program = python(FAREWELL, tmp_path)
            program.command = [*program.command, str(own), str(another)]
            supervisor.start(program)
        assert supervisor.wait_for(lambda: one.exists() and other.exists(), MINUTE)
    assert one.with_suffix(".well").exists()
    assert other.with_suffix(".well").exists()
    assert needed.process is not None
    assert needed.process.returncode is not None


def test_a_log_is_for_its_user_alone(supervisor: Supervisor, tmp_path: Path):
    program = Program("program", [sys.executable, "-c", ""], {}, tmp_path / "logs" / "program.log")
    supervisor.start(program)
    assert stat.S_IMODE(program.log.stat().st_mode) == 0o600
    assert stat.S_IMODE(program.log.parent.stat().st_mode) == 0o700
