"""Runs over two workers of Celery: a real broker, a real PostgreSQL, and one of them killed."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import redis

from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.stack.instance.split_backfills import SPLIT_TAG
from tests.command import Commands, wait_for
from tests.conftest import NO_REDIS, miss
from tests.postgresql import PostgresServer
from tests.support.pipeline import TABLES, table_rows

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("alone")]

SPAN = ("--from", "2026-11-01", "--to", "2026-11-01T08:00")
ALONE = (
    "asset", "materialize", "-m", "coordinator_pipelines.starter.definitions",
    "--select", "group:btc_up_down", "--partition-range", "2026-11-01-00:00...2026-11-01-07:00",
)  # fmt: skip
STARTER = Path(__file__).parents[2] / "coordinator_pipelines" / "starter"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis server of one's own, which keeps nothing."""
    program = shutil.which("redis-server") or miss("redis", NO_REDIS)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with (tmp_path / "redis.log").open("w") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    client = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_for(answers, why="the broker does not answer")
    yield f"redis://127.0.0.1:{port}/0"
    client.close()
    process.terminate()
    process.wait(10)


def test_a_backfill_over_workers_of_which_one_is_killed_has_the_rows_of_an_undisturbed_one(
    tmp_path: Path,
    broker: str,
    postgresql_server: PostgresServer,
    model_runner: RunnerEnvironment,
    monkeypatch: pytest.MonkeyPatch,
):
    ledgers = [postgresql_server.create_database(name) for name in ("over_workers", "undisturbed")]
    dagster = postgresql_server.create_database("dagster_of_workers")
    common = {
        "COORDINATOR_MODEL_RUNNER": str(model_runner.python),
        "COORDINATOR_TRUST_MODELS": "1",
    }
    over = Commands(
        tmp_path / "over",
        extra={
            **common,
            "COORDINATOR_DATABASE_URL": ledgers[0],
            "COORDINATOR_DAGSTER_DATABASE_URL": dagster.replace("://", "+psycopg2://"),
            "COORDINATOR_CELERY_BROKER": broker,
            "DAGSTER_HOME": str(tmp_path / "over" / "coordinator" / "dagster"),
        },
    )
    alone = Commands(
        tmp_path / "alone",
        extra={
            **common,
            "COORDINATOR_DATABASE_URL": ledgers[1],
            "DAGSTER_HOME": str(tmp_path / "alone" / "coordinator"),
        },
    )
    for commands in (over, alone):
        commands.home.mkdir(parents=True)
    for name in ("COORDINATOR_CELERY_BROKER", "COORDINATOR_DAGSTER_DATABASE_URL"):
        monkeypatch.setenv(name, over.extra[name])  # for this process's own view of the instance
    try:
        _backfill_over_workers(over)
        alone.succeed("db", "upgrade")
        undisturbed = alone.start(*ALONE, program="dagster", log=tmp_path / "alone.log")
        assert undisturbed.wait(120) == 0, (tmp_path / "alone.log").read_text()
    finally:
        over.end_all()
        alone.end_all()
    for table in TABLES:
        here, there = (table_rows(url, table) for url in ledgers)
        assert len(here), table
        assert here.equals(there), table


def _backfill_over_workers(commands: Commands) -> None:
    directory = commands.directory
    workers = [
        commands.start("worker", "--concurrency", "1", log=directory / f"worker-{number}.log")
        for number in range(2)
    ]
    home = Path(commands.extra["DAGSTER_HOME"])
    wait_for(
        lambda: all("Taking" in (directory / f"worker-{n}.log").read_text() for n in range(2)),
        why="the workers do not start",
    )
    daemon = ("run", "-w", str(STARTER / "workspace.yaml"))
    commands.start(*daemon, program="dagster-daemon", log=directory / "daemon.log")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        wait_for(instance.get_daemon_heartbeats, why="the daemon shows no life")
        log = directory / "backfill.log"
        backfill = commands.start("backfill", *SPAN, "--windows-per-run", "2", log=log)
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        wait_for(
            lambda: len(instance.get_runs(started)) == 2, seconds=120, why="no two runs are at work"
        )
        os.killpg(workers[0].pid, signal.SIGKILL)
        assert backfill.wait(240) == 0, log.read_text()
        runs = instance.get_runs(dg.RunsFilter(tags={}))
    lost = [run for run in runs if run.status is dg.DagsterRunStatus.FAILURE]
    assert len(lost) == 1
    assert len([run for run in runs if SPLIT_TAG in run.tags]) == 4 + 1 + 1
    assert "1 begun again" in log.read_text()
