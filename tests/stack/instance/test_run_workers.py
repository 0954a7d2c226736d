"""Where runs are at work, if a broker is named: what is refused, and what Dagster is told."""

import dagster as dg
import pytest
from dagster._config import process_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.tags import MAX_RETRIES_TAG, RETRY_STRATEGY_TAG

from coordinator_pipelines import settings
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.instance.file import refresh
from coordinator_pipelines.stack.instance.split_backfills import parts, require_daemon
from coordinator_pipelines.stack.instance.worker_launcher import WorkerRunLauncher
from tests.command import Commands
from tests.stack.instance.test_run_queue import ONE, captures, queue

BROKER = "redis://127.0.0.1:1/0"
DAGSTER = "postgresql+psycopg2://user@nowhere/dagster"

pytestmark = pytest.mark.usefixtures("home_environment")


def test_a_broker_needs_an_address_and_a_storage_that_workers_reach(monkeypatch):
    monkeypatch.setenv(settings.BROKER_VARIABLE, BROKER)
    with pytest.raises(CoordinatorError, match="files of this machine they cannot"):
        settings.celery_broker()
    monkeypatch.setenv(settings.DAGSTER_URL_VARIABLE, DAGSTER)
    assert settings.celery_broker() == BROKER
    monkeypatch.setenv(settings.BROKER_VARIABLE, "amqp://here")
    with pytest.raises(CoordinatorError, match="redis://host:6379/0"):
        settings.celery_broker()


def test_with_a_broker_runs_are_handed_to_workers_and_begun_again(monkeypatch, tmp_path):
    monkeypatch.setenv(settings.BROKER_VARIABLE, BROKER)
    monkeypatch.setenv(settings.DAGSTER_URL_VARIABLE, DAGSTER)
    assert refresh(tmp_path) is None
    ref = InstanceRef.from_dir(str(tmp_path))
    launcher = ref.run_launcher_data
    assert launcher.class_name == WorkerRunLauncher.__name__
    evaluated = process_config(WorkerRunLauncher.config_type(), launcher.config_dict)
    assert evaluated.success, evaluated.errors
    made = WorkerRunLauncher(**evaluated.value)
    assert {"execute_job", "resume_job"} <= set(made.app.tasks)
    assert ref.settings["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_only_runs_that_no_sensor_asks_for_again_are_begun_again_and_from_their_start():
    with queue(run_retries={"enabled": True, "max_retries": 3}) as runs:
        by_hand, [capture] = runs.put(ONE, "one_replay"), captures(runs, ONE, 1)
        assert runs.tags(by_hand)[RETRY_STRATEGY_TAG] == "ALL_STEPS"
        assert MAX_RETRIES_TAG not in runs.tags(by_hand)
        assert runs.tags(capture)[MAX_RETRIES_TAG] == "0"


def test_parts_are_all_windows_once_and_in_order():
    windows = list(windows_between(ONE.start, ONE.start + 7 * ONE.window_length, ONE.window_length))
    for size in range(1, 9):
        split = parts(windows, size)
        assert [window for part in split for window in part] == windows
        assert {len(part) for part in split[:-1]} <= {size}


def test_a_backfill_that_nobody_would_carry_out_is_refused(tmp_path):
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)),
        pytest.raises(CoordinatorError, match="no Dagster daemon is at work"),
    ):
        require_daemon(tmp_path)


def test_the_commands_say_what_is_missing(coordinator: Commands):
    assert settings.BROKER_VARIABLE in coordinator.refuse("worker")
    said = coordinator.refuse("backfill", "--from", "2020-01-01", "--to", "2020-01-02")
    assert "no window of btc-up-down lies between" in said
