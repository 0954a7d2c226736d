"""Several challenges in one Dagster: two that work, and three that are broken each in its way."""

import collections
import json
import logging
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon
from dagster_graphql.cli import execute_query

from coordinator_pipelines import settings
from coordinator_pipelines.automation import stages
from coordinator_pipelines.cli.challenge.database import set_up_database
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import window_of
from coordinator_pipelines.partitions import window_key
from coordinator_pipelines.scaffold.blueprint import blueprint
from coordinator_pipelines.scaffold.creation import Created, create
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.stack.code_servers import CodeServer, code_servers, workspace_of
from coordinator_pipelines.stack.daemon import stop
from coordinator_pipelines.stack.instance.backfills import LAUNCH
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from coordinator_pipelines.stack.ports import is_served
from coordinator_pipelines.stack.webserver import LOCATIONS, reason
from tests.command import Commands, wait_for
from tests.scaffold.conftest import TODAY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*AssetSelection.sources:DeprecationWarning"),  # Dagster's
]

GONE = "environments/gone/bin/python"


@dataclass(frozen=True)
class Project:
    """Five challenges of one workspace file, each with a code server of its own."""

    directory: Path
    workspace: WorkspaceProcessContext
    one: Challenge
    two: Challenge

    def error(self, location: str) -> str:
        """What is told in place of a location that is not loaded."""
        answer = execute_query(self.workspace, LOCATIONS)["data"]["workspaceOrError"]
        [load] = [
            e["locationOrLoadError"] for e in answer["locationEntries"] if e["name"] == location
        ]
        return reason(load)

    def stored(self, challenge: Challenge) -> dict[str, int]:
        """Rows of every table in the database of a challenge."""
        return Commands(self.directory).counts(challenge.name)

    def run(self, challenge: Challenge) -> dg.DagsterRun:
        """Backfill the first window as the UI does; the run of it, once that is over."""
        params = {
            "assetSelection": [{"path": [challenge.key, stage]} for stage in stages(challenge)],
            "partitionNames": [window_key(window_of(challenge.start, challenge.window_length))],
            "fromFailure": False,
        }
        launched = execute_query(self.workspace, LAUNCH, {"params": params})
        assert "backfillId" in json.dumps(launched), launched
        collections.deque(execute_backfill_iteration(self.workspace, logging.getLogger("test")))
        with QueuedRunCoordinatorDaemon(interval_seconds=1) as queue:
            collections.deque(queue.run_iteration(self.workspace))
        [run] = wait_for(self._ended, why="the run does not end")
        return run

    def _ended(self) -> list[dg.DagsterRun]:
        runs = self.workspace.instance.get_runs()
        return runs if all(run.is_finished for run in runs) else []


def challenges(directory: Path) -> dict[str, Created]:
    """The challenges, before anything is broken."""
    presets = {"one": "in-sample", "two": "realtime", "bad-spec": None, "bad-code": None}
    presets["no-environment"] = None
    return {
        name: create(blueprint({}, name=name, preset=preset, today=TODAY), directory)
        for name, preset in presets.items()
    }


def replace(path: Path, before: str, after: str) -> None:
    """Change a text of a file, which must be there."""
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))


def break_three(made: dict[str, Created]) -> None:
    """One with a mistake in its spec, one in its code, one whose environment was deleted."""
    setting = "checkpoint_interval_seconds: "
    replace(made["bad-spec"].node / "spec.yaml", setting, f"{setting}-")
    scoring = made["bad-code"].workspace / "crunch-bad-code" / "crunch_bad_code" / "scoring.py"
    scoring.write_text('raise RuntimeError("the table of weights is empty")\n')
    name = 'location_name: "no-environment"'
    replace(made["two"].locations, name, f"{name}\n      executable_path: {GONE}")


def environment_of_its_own(created: Created) -> Path:
    """An environment with what is installed here and a public package; its interpreter."""
    directory = created.locations.with_name("environments") / "one"
    venv.create(directory, symlinks=True)
    [packages] = directory.glob("lib/*/site-packages")
    here = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (packages / "all.pth").write_text("\n".join([*here, str(created.workspace / "crunch-one")]))
    relative = "environments/one/bin/python"
    name = 'location_name: "one"'
    replace(created.locations, name, f"{name}\n      executable_path: {relative}")
    return directory / "bin" / "python"


def start(server: CodeServer, environment: dict[str, str], log: Path) -> "subprocess.Popen[Any]":
    """Start a code server as ``coordinator dev`` does."""
    with log.open("w") as output:
        return subprocess.Popen(
            server.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project, loaded."""
    directory = tmp_path_factory.mktemp("side_by_side")
    made = challenges(directory)
    break_three(made)
    environment_of_its_own(made["one"])
    one, two = (load_challenge(made[name].node / "spec.yaml") for name in ("one", "two"))
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv(settings.HOME_VARIABLE, str(Commands(directory).home))
        for name in ("DAGSTER_HOME", settings.URL_VARIABLE, settings.DAGSTER_URL_VARIABLE):
            environment.delenv(name, raising=False)
        set_up_database(one)
        set_up_database(two)
        local = LocalInstance.prepare([made["one"].locations], print)
        servers = code_servers(local.workspaces)
        for server in servers:
            log = directory / f"{server.name}.log"
            stack.callback(stop, start(server, local.environment, log))
        wait_for(lambda: all(is_served(each.port) for each in servers), why="no code server")
        shared = workspace_of(servers, directory / "shared.yaml")
        instance = stack.enter_context(open_instance(local.directory))
        target = WorkspaceFileTarget([str(shared)])
        with pytest.warns(UserWarning, match="Error loading repository location"):
            workspace = stack.enter_context(WorkspaceProcessContext(instance, target))
        yield Project(directory, workspace, one, two)


def test_a_broken_location_leaves_the_others_working(project: Project):
    entries = project.workspace.create_request_context().get_code_location_entries()
    assert {name for name, entry in entries.items() if entry.code_location} == {"one", "two"}
    assert set(entries) == {"one", "two", "bad-spec", "bad-code", "no-environment"}


def test_the_error_of_a_broken_location_says_what_is_wrong_and_where(project: Project):
    spec = project.error("bad-spec")
    assert "crunch-node-bad-spec/spec.yaml: checkpoint_interval_seconds" in spec
    code = project.error("bad-code")
    assert "crunch_bad_code.scoring" in code
    assert "the table of weights is empty" in code
    assert f"executable_path: {project.directory / GONE}" in project.error("no-environment")


def test_a_location_is_served_by_its_own_environment(project: Project):
    context = project.workspace.create_request_context()
    own = project.directory / "environments" / "one" / "bin" / "python"
    assert context.get_code_location("one").executable_path == str(own)
    assert context.get_code_location("two").executable_path == sys.executable


def test_a_backfill_writes_to_the_database_of_its_challenge_only(project: Project):
    before = project.stored(project.two)
    run = project.run(project.one)
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert run.tags["challenge"] == "one"
    assert run.run_op_concurrency is not None
    assert run.run_op_concurrency.all_pools == {"one"}
    assert project.stored(project.two) == before
    assert project.stored(project.one)["leaderboards"] == 1
    databases = {path.name for path in Commands(project.directory).database().parent.glob("*.db")}
    assert databases == {"one.db", "two.db"}
