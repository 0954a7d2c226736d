"""Programs that are waited for: at most for a while, and no longer than there is hope."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator_pipelines.stack.supervisor import Program, Supervisor, supervision

MINUTE = 60.0


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """A supervisor that says nothing."""
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
