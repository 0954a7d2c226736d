"""``coordinator report`` and its keys, as an operator runs them."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from coordinator_pipelines.spec_file import dump_challenge
from tests.api.conftest import Filled
from tests.command import Commands, wait_for


@pytest.fixture
def commands(filled: Filled, tmp_path: Path) -> Iterator[Commands]:
    """Commands that find the filled database, with its spec in ``spec.yaml``."""
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": filled.url})
    (tmp_path / "spec.yaml").write_text(dump_challenge(filled.challenge))
    try:
        yield commands
    finally:
        commands.end_all()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_the_api_is_served_until_it_is_stopped(commands):
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", commands.directory / "report.log"
    process = commands.start("report", "--spec", "spec.yaml", "--port", str(port), log=log)
    wait_for(lambda: answers(url), why=f"no answer: {log.read_text()}")
    assert [row["rank"] for row in httpx.get(f"{url}/reports/leaderboard").json()] == [1, 2, 3, 4]
    key = commands.succeed("report-keys", "add", "ui").strip()
    closed = httpx.get(f"{url}/reports/export/scores?secret={key}")
    assert closed.status_code == 400
    assert httpx.get(f"{url}/reports/export/scores", headers={"X-API-Key": key}).status_code == 200
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    said = log.read_text()
    assert url in said
    assert "Traceback" not in said
    assert key not in said


@pytest.mark.slow
def test_keys_are_listed_without_themselves_and_dropped(commands):
    key = commands.succeed("report-keys", "add", "mine", "--owner", "alice").strip()
    assert key.startswith("cpk_")
    listed = commands.succeed("report-keys", "list")
    assert listed.startswith("mine: read, for the models of alice, since ")
    commands.succeed("report-keys", "drop", "mine")
    assert commands.succeed("report-keys", "list") == ""
    assert "no key 'mine'" in commands.refuse("report-keys", "drop", "mine")


@pytest.mark.slow
def test_what_keeps_it_from_serving_is_said(commands):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = commands.refuse("report", "--spec", "spec.yaml", "--port", port)
    assert f"127.0.0.1:{port} cannot be used" in said
    assert "--port" in said
    assert "there is no such file" in commands.refuse("report", "--spec", "other.yaml")
