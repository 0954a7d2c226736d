"""Runs that are killed, and runs in processes of another time zone: the same rows in the end."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fork_server
from tests.support.challenges import START, WINDOW
from tests.support.fork_server import Forked
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import newest_contents, same_contents

ROOT = Path(__file__).parents[2]
RUN = "tests.support.run"
WINDOWS = 6
SEEDS = int(os.environ.get("COORDINATOR_TEST_SEEDS", "2"))
"""Of the moments of six kills each. The long form has eight."""
LONGEST = 1.5
"""Seconds within which a run of this size is usually over."""


@pytest.fixture
def start(tmp_path, closes):
    """Start a run in a process of its own; returns when it has begun to work."""
    del closes
    write_participants(tmp_path, FOUR)

    def start(url: str) -> Forked:
        own = {"COORDINATOR_HOME": str(tmp_path), "COORDINATOR_DATABASE_URL": url}
        process = fork_server.start(RUN, str(tmp_path), str(WINDOWS), directory=ROOT, **own)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        return process

    return start


def kill_at(process: Forked, moment: float) -> bool:
    """SIGKILL after so many seconds; False if the process was faster."""
    with process:
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    return False


def check_kills(start, url: str, undisturbed, moments) -> None:
    killed = [kill_at(start(url), moment) for moment in moments]
    assert any(killed)
    with start(url) as process:
        assert process.wait() == 0
    assert_same(url, undisturbed)


def assert_same(url: str, undisturbed) -> None:
    span = (START, START + WINDOWS * WINDOW)
    same_contents(newest_contents(url, *span), newest_contents(undisturbed.url, *span))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_run_killed_at_many_moments_ends_with_the_rows_of_an_undisturbed_one(
    start, database_url, undisturbed, seed
):
    draw = random.Random(100 + seed)
    moments = [draw.uniform(0.05, LONGEST) for _ in range(6)]
    check_kills(start, database_url, undisturbed, moments)


@pytest.mark.slow
def test_a_local_time_zone_with_summer_time_changes_nothing(
    closes, sqlite_url, undisturbed, tmp_path
):
    """A process from its very start, so that what is imported meets the time zone as well."""
    del closes
    write_participants(tmp_path, FOUR)
    own = {"COORDINATOR_HOME": str(tmp_path), "COORDINATOR_DATABASE_URL": sqlite_url}
    subprocess.run(
        [sys.executable, "-m", RUN, str(tmp_path), str(WINDOWS)],
        cwd=ROOT,
        env={**os.environ, **own, "TZ": "America/New_York"},
        capture_output=True,
        check=True,
    )
    assert_same(sqlite_url, undisturbed)
