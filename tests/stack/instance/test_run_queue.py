"""The queue of runs of several challenges: whose runs wait for whose."""

import collections
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.execution.api import create_execution_plan
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon
from dagster._serdes import ConfigurableClass

from coordinator_pipelines.definitions import build_definitions
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from tests.support.challenges import small_challenge

pytestmark = pytest.mark.usefixtures("home_environment")


class Patient(RunLauncher, ConfigurableClass):
    """Starts runs that never end."""

    @property
    def inst_data(self):
        return None

    @classmethod
    def config_type(cls):
        return {}

    @classmethod
    def from_config_value(cls, inst_data, config_value):
        del inst_data, config_value
        return cls()

    def launch_run(self, context: LaunchRunContext) -> None:
        self._instance.report_dagster_event(
            dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.RUN_START.value,
                job_name=context.dagster_run.job_name,
            ),
            run_id=context.dagster_run.run_id,
        )

    def terminate(self, run_id: str) -> bool:
        del run_id
        return False


class Queue:
    """Our queue, in front of a launcher whose runs never end."""

    def __init__(self, workspace: WorkspaceProcessContext) -> None:
        self._workspace = workspace
        self._instance = workspace.instance
        self._daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)

    def put(self, challenge: Challenge, job: str, **options: object) -> str:
        """Queue a run of a job; its id."""
        tags = options.pop("tags", {})
        definition = DEFINITIONS[challenge.name].resolve_job_def(job)
        location = RegisteredCodeLocationOrigin(challenge.name)
        run = self._instance.create_run_for_job(
            definition,
            create_execution_plan(definition, run_config={}),
            tags=tags,
            remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "all"), job),
            **options,
        )
        context = SubmitRunContext(run, self._workspace.create_request_context())
        self._instance.run_coordinator.submit_run(context)
        return run.run_id

    def started(self) -> set[str]:
        """The runs that have been started, once the daemon has looked at the queue."""
        with self._daemon:
            collections.deque(self._daemon.run_iteration(self._workspace))
        at_work = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        return {run.run_id for run in self._instance.get_runs(at_work)}

    def tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run."""
        run = self._instance.get_run_by_id(run_id)
        assert run is not None
        return dict(run.tags)


@contextmanager
def queue(**more: object) -> Iterator[Queue]:
    """``more``: of the instance's configuration."""
    directory = LocalInstance.prepare([], print).directory
    file = directory / "dagster.yaml"
    configuration = yaml.safe_load(file.read_text())
    configuration |= {"run_launcher": {"module": __name__, "class": "Patient"}, **more}
    file.write_text(yaml.safe_dump(configuration))
    with (
        open_instance(directory) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace,
    ):
        yield Queue(workspace)


HERE = Path(__file__).parent  # of files that no run opens
ONE, TWO = small_challenge(HERE, name="one"), small_challenge(HERE, name="two")
DEFINITIONS = {each.name: build_definitions(each) for each in (ONE, TWO)}


def captures(queue: Queue, challenge: Challenge, runs: int) -> list[str]:
    sensor = {"dagster/sensor_name": f"{challenge.key}_capture"}
    return [queue.put(challenge, f"{challenge.key}_capture", tags=sensor) for _ in range(runs)]


@pytest.mark.slow
def test_slow_runs_of_a_challenge_keep_no_capture_waiting_and_no_other_challenge():
    with queue() as runs:
        slow = [runs.put(ONE, "one_replay")]
        assert runs.started() == set(slow)  # Dagster knows a pool once it has seen a run of it
        slow += [runs.put(ONE, "one_replay") for _ in range(5)]
        assert len(runs.started()) == 4
        of_one, of_two = captures(runs, ONE, 3), captures(runs, TWO, 3)
        resolution = runs.put(TWO, "two_resolve")
        started = runs.started()
    assert {*of_one[:2], *of_two[:2], resolution} <= started
    assert len(started & set(slow)) == 4
    assert len(started) == 9


def test_a_run_that_somebody_starts_by_hand_says_whose_it_is():
    selection = {dg.AssetKey(["two", "scores"])}
    with queue() as runs:
        by_hand = runs.put(TWO, "__ASSET_JOB", asset_selection=selection)
        assert runs.tags(by_hand)["challenge"] == "two"
