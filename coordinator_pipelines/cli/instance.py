"""The local Dagster instance: where it lives, and backfills launched in it with progress.

Add here what talks to Dagster from the command line; avoid what a command prints of results.
A backfill is launched as the UI launches one, by GraphQL, and carried out by a daemon.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from coordinator_pipelines import settings
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.domain.round import Window
from coordinator_pipelines.partitions import window_key

POLL_SECONDS = 0.5
LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is: windows done, by asset name; and its state."""

    done: dict[str, int]
    status: str
    """``waiting`` until a run starts, then the run's own status in lower case."""
    run_id: str | None


@dataclass(frozen=True, slots=True)
class LocalInstance:
    """A Dagster instance in a directory, and the workspace files that it serves."""

    directory: Path
    workspaces: tuple[Path, ...]

    @classmethod
    def prepare(cls, workspaces: Sequence[Path]) -> "LocalInstance":
        """The instance that the environment names, set up on first use."""
        directory = settings.dagster_home()
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / "dagster.yaml").exists():
            template = Path(__file__).with_name("templates") / "dagster.yaml"
            shutil.copyfile(template, directory / "dagster.yaml")
        return cls(directory, tuple(path.absolute() for path in workspaces))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Dagster's own processes."""
        home = {settings.HOME_VARIABLE: str(settings.home()), "DAGSTER_HOME": str(self.directory)}
        return {**os.environ, **home, "PYTHONWARNINGS": "ignore"}

    @property
    def workspace_options(self) -> list[str]:
        """``-w`` for each workspace file."""
        return [option for path in self.workspaces for option in ("-w", str(path))]

    def command(self, name: str, *arguments: str) -> list[str]:
        """A Dagster command of this Python environment, with the workspace."""
        return [str(Path(sys.executable).with_name(name)), *arguments, *self.workspace_options]

    def launch_backfill(
        self, challenge: Challenge, assets: Sequence[str], windows: Sequence[Window], title: str
    ) -> str:
        """Ask Dagster for a backfill, as its UI does; the id of the backfill.

        Raises:
            CoordinatorError: Dagster refuses it, or the code location cannot be loaded.
        """
        variables = {
            "params": {
                "assetSelection": [{"path": [challenge.key, asset]} for asset in assets],
                "partitionNames": [window_key(window) for window in windows],
                "fromFailure": False,
                "title": title,
                "tags": [{"key": "challenge", "value": challenge.name}],
            }
        }
        arguments = ["-t", LAUNCH, "-v", json.dumps(variables)]
        done = subprocess.run(
            self.command("dagster-graphql", *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = _last_json(done.stdout)
        launched = (answer.get("data") or {}).get("launchPartitionBackfill") or {}
        if "backfillId" not in launched:
            said = launched.get("message") or answer.get("errors") or done.stderr[-2000:]
            raise CoordinatorError(f"Dagster did not accept the backfill: {said}")
        return str(launched["backfillId"])

    @contextmanager
    def daemon(self, log: Path) -> Iterator[None]:
        """A daemon that carries out what is launched, until the block ends."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            process = subprocess.Popen(
                self.command("dagster-daemon", "run"),
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                yield
            finally:
                stop(process)

    def follow(self, backfill_id: str) -> Iterator[Progress]:
        """The backfill's progress, about twice a second, until its run has ended."""
        with dg.DagsterInstance.from_config(str(self.directory)) as instance:
            done: dict[str, int] = {}
            cursor: str | None = None
            while True:
                runs = instance.get_runs(
                    filters=dg.RunsFilter(tags={"dagster/backfill": backfill_id})
                )
                if not runs:
                    yield Progress(done, "waiting", None)
                else:
                    run = runs[0]
                    cursor = _count(instance, run.run_id, cursor, done)
                    yield Progress(done, run.status.value.lower(), run.run_id)
                    if run.is_finished:
                        return
                time.sleep(POLL_SECONDS)


def stop(process: "subprocess.Popen[Any]") -> None:
    """Ask a process group to end; after ten seconds, make it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _count(
    instance: dg.DagsterInstance, run_id: str, cursor: str | None, done: dict[str, int]
) -> str | None:
    """Count the windows that a run has checked, by asset; the cursor to go on from.

    Checks are logged window by window; materializations only when a stage has ended.
    """
    connection = instance.get_records_for_run(
        run_id, cursor=cursor, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION, limit=1000
    )
    for record in connection.records:
        event = record.event_log_entry.get_dagster_event()
        name = event.asset_check_evaluation_data.asset_key.path[-1]
        done[name] = done.get(name, 0) + 1
    return connection.cursor


def _last_json(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    return {}
