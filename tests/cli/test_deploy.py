"""A generated challenge on its node's Makefile: deployed, verified, and gone again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from tests.browser.conftest import answers, free_port
from tests.command import Commands, family, require_gone, wait_for
from tests.postgresql import PostgresServer
from tests.support.fast import fast_spec


@pytest.fixture
def live(tmp_path: Path, model_runner: RunnerEnvironment) -> Iterator[Commands]:
    """Commands in an empty home that find the published model runner."""
    runner = {"COORDINATOR_MODEL_RUNNER": str(model_runner.directory)}
    commands = Commands(tmp_path, extra=runner)
    yield commands
    commands.run("down")


def make(live: Commands, target: str, *variables: str) -> str:
    """What a target of the node's Makefile says; it must succeed."""
    coordinator = Path(sys.executable).with_name("coordinator")
    done = subprocess.run(
        ["make", "--no-print-directory", target, f"COORDINATOR={coordinator}", *variables],
        cwd=live.directory / "fast" / "crunch-node-fast",
        env=live.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_generated_challenge_is_deployed_verified_and_stopped_by_its_makefile(
    live: Commands, postgresql_server: PostgresServer
):
    (live.directory / "fast.yaml").write_text(yaml.safe_dump(fast_spec("realtime")))
    live.succeed("init", "fast", "--spec", "fast.yaml")
    url = postgresql_server.create_database("deployed")
    environment = live.directory / "fast" / "crunch-node-fast" / ".env"
    environment.write_text(f"COORDINATOR_DATABASE_URL='{url}'\n")
    ui, report = free_port(), free_port()
    said = make(live, "deploy", f"PORT={ui}", f"REPORT_PORT={report}")
    assert f"Dagster UI:  http://127.0.0.1:{ui}\n" in said
    assert f"Leaderboard: http://127.0.0.1:{report}\n" in said
    assert answers(f"http://127.0.0.1:{ui}")

    said = make(live, "verify-e2e")
    assert "fast works: 2 models (even-chance, momentum)" in said.splitlines()[-1]

    wait_for(  # it is told within a few seconds
        lambda: "board  interim" in live.succeed("logs", "stack"), why="no board is told"
    )

    assert not (live.home / "databases").exists()

    pid = json.loads((live.home / "stack.json").read_text())["pid"]
    processes = family(pid)
    assert len(processes) > 8
    assert os.getsid(pid) == pid
    assert make(live, "down").startswith("fast is stopped (")
    require_gone(processes)
    assert make(live, "down").startswith("Nothing runs from")
