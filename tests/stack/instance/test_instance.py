"""The local Dagster instance: its configuration file, its database, and whose they are."""

import hashlib
from pathlib import Path

import psycopg
import pytest
import yaml
from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.cli.challenge.backfill import backfill
from coordinator_pipelines.cli.challenge.database import set_up_database
from coordinator_pipelines.domain.timeline.window import window_of
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance

BEFORE_THE_MARK = """\
# The Dagster instance of a laptop: everything in this directory, nothing sent anywhere.
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    # One run at a time: SQLite has one writer, and a run is a whole backfill anyway.
    max_concurrent_runs: 1
    dequeue_interval_seconds: 1
"""
EDITED = "# mine\ntelemetry: {enabled: false}\n"
OLDER_REVISION = "7e2f3204cf8e"

pytestmark = pytest.mark.usefixtures("home_environment")


def prepared() -> str:
    """Prepare the instance; its configuration then."""
    return (LocalInstance.prepare([], print).directory / "dagster.yaml").read_text()


def write(text: str) -> None:
    """Leave a configuration in the instance's directory."""
    settings.dagster_home().mkdir(parents=True)
    (settings.dagster_home() / "dagster.yaml").write_text(text)


def test_a_new_instance_stores_in_files_and_watches_its_runs():
    configuration = yaml.safe_load(prepared())
    assert "storage" not in configuration
    assert configuration["telemetry"] == {"enabled": False}
    assert configuration["run_launcher"]["class"] == "WatchedRunLauncher"
    with open_instance(settings.dagster_home()) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_launcher.supports_check_run_worker_health
    assert prepared() == prepared()


def test_a_file_that_an_earlier_version_wrote_is_brought_up_to_date():
    wanted = prepared()
    mark, _, rest = wanted.partition("\n")
    old = rest.replace("num_workers: 8", "num_workers: 2")
    fingerprint = hashlib.sha256(old.encode()).hexdigest()
    file = settings.dagster_home() / "dagster.yaml"
    file.write_text(f"{mark[: -len(fingerprint)]}{fingerprint}\n{old}")
    assert prepared() == wanted
    file.write_text(BEFORE_THE_MARK)
    assert prepared() == wanted


def test_a_file_that_was_edited_stays_and_that_is_said(capsys: pytest.CaptureFixture[str]):
    write(EDITED)
    assert prepared() == EDITED
    assert "was edited and is used as it is" in capsys.readouterr().out


def test_one_character_makes_our_file_an_edited_one(capsys: pytest.CaptureFixture[str]):
    ours = prepared()
    assert not capsys.readouterr().out
    edited = ours.replace("num_workers: 8", "num_workers: 9")
    (settings.dagster_home() / "dagster.yaml").write_text(edited)
    assert prepared() == edited
    assert "was edited" in capsys.readouterr().out


def test_a_file_that_dagster_cannot_read_is_named():
    write("run_monitoring: {enabled: perhaps}\n")
    with pytest.raises(CoordinatorError, match=r"dagster\.yaml is wrong"):
        prepared()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "mysql"])
def test_a_url_that_dagster_cannot_use_is_refused_without_showing_its_password(
    home_environment: pytest.MonkeyPatch, scheme: str
):
    home_environment.setenv(settings.DAGSTER_URL_VARIABLE, f"{scheme}://me:hunter2@host/dagster")
    with pytest.raises(
        CoordinatorError, match=f"has '{scheme}' scheme".replace("+", r"\+")
    ) as told:
        prepared()
    assert "postgresql+psycopg2://" in str(told.value)
    assert "hunter2" not in str(told.value)


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_named_without_its_password(
    home_environment: pytest.MonkeyPatch,
):
    url = "postgresql+psycopg2://me:hunter2@127.0.0.1:1/dagster"
    home_environment.setenv(settings.DAGSTER_URL_VARIABLE, url)
    with pytest.raises(CoordinatorError, match="does not answer") as told:
        prepared()
    assert settings.DAGSTER_URL_VARIABLE in str(told.value)
    assert "hunter2" not in str(told.value)


def test_an_empty_postgresql_database_gets_its_tables(dagster_database: str):
    assert "postgres_url" in yaml.safe_load(prepared())["storage"]["postgres"]
    with psycopg.connect(dagster_database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables").fetchall()
    assert {("runs",), ("event_logs",), ("job_ticks",)} <= set(tables)
    assert not (settings.dagster_home() / "history").exists()


def test_tables_of_an_older_dagster_are_brought_up_to_date(dagster_database: str):
    prepared()
    with psycopg.connect(dagster_database, autocommit=True) as connection:
        newest = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = %s", [OLDER_REVISION])
        prepared()
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == newest


def test_the_choice_of_storage_is_followed(
    dagster_database: str, home_environment: pytest.MonkeyPatch
):
    del dagster_database  # named by the environment
    with_postgresql = prepared()
    home_environment.delenv(settings.DAGSTER_URL_VARIABLE)
    assert "storage" in yaml.safe_load(with_postgresql)
    assert "storage" not in yaml.safe_load(prepared())


def test_an_edited_file_that_ignores_the_database_is_said_loudly(
    dagster_database: str, capsys: pytest.CaptureFixture[str]
):
    del dagster_database  # named by the environment
    write(EDITED)
    assert prepared() == EDITED
    assert "but that file does not use it" in capsys.readouterr().out


@pytest.mark.slow
def test_the_starter_is_backfilled_on_postgresql(dagster_database: str, tmp_path: Path):
    challenge = location.starter().challenge
    set_up_database(challenge)
    instance = LocalInstance.prepare([location.starter().workspace], print)
    first = window_of(challenge.start, challenge.window_length)
    with (tmp_path / "said").open("w") as said:
        backfill(Console(file=said), instance, challenge, [first])
    with psycopg.connect(dagster_database) as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("SUCCESS",)]
    with open_instance(instance.directory) as dagster:
        materialized = {tuple(key.path) for key in dagster.get_asset_keys()}
    assert (challenge.key, "leaderboard") in materialized
