"""Backfills in parts that run side by side, over as many processes or machines as take runs.

Add here how a range is split and followed; avoid launching what Dagster's UI calls a backfill, one
run over the whole range (``backfills``). Windows up to their scores depend on nothing but
themselves, so parts of a range may be computed in any order, and again. Boards read the windows
before them: they are computed in one run, when all parts are scored. Parts of a backfill of
Dagster's own would have their boards computed as each part ends, from windows that are not there.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    AUTO_RETRY_RUN_ID_TAG,
    WILL_RETRY_TAG,
)

from coordinator_pipelines.automation import BOARDS, STAGES, run_tags
from coordinator_pipelines.automation import stages as stages_of
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.partitions import window_key
from coordinator_pipelines.stack import interruption
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance
from coordinator_pipelines.stack.instance.run_state import failure

LAUNCH = """
mutation Launch($runs: [ExecutionParams!]!) {
  launchMultipleRuns(executionParamsList: $runs) {
    __typename
    ... on PythonError { message }
    ... on LaunchMultipleRunsResult {
      launchMultipleRunsResult {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
        ... on InvalidSubsetError { message }
        ... on PipelineNotFoundError { message }
      }
    }
  }
}
"""
SPLIT_TAG = "coordinator/backfill"
SCORED = tuple(stage for stage in STAGES if stage not in BOARDS)
POLL_SECONDS = 1.0
DECIDING_SECONDS = 10.0
"""How long after a run has failed it may not be told yet that it is begun again."""
BEAT_SECONDS = 180.0
"""After which the last heartbeat of a daemon is old."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the runs of one step of a backfill are."""

    done: int
    total: int
    begun_again: int
    """Runs that took the place of one whose worker was lost."""


def parts(windows: Sequence[Window], size: int) -> list[Sequence[Window]]:
    """The windows in runs of ``size``, the last of which may be shorter."""
    return [windows[at : at + size] for at in range(0, len(windows), size)]


def require_daemon(directory: Path) -> None:
    """Nothing, if Dagster's daemon is at work somewhere on this instance.

    Raises:
        CoordinatorError: it is not; nobody would carry out what is launched.
    """
    with open_instance(directory) as instance:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    if time.time() - max(beats, default=0.0) > BEAT_SECONDS:
        raise CoordinatorError(
            f"no Dagster daemon is at work on the instance in {directory}; start one first "
            "(`coordinator deploy`, or `dagster-daemon run`)"
        )


def launch(
    instance: LocalInstance,
    challenge: Challenge,
    stages: Sequence[str],
    spans: Sequence[Sequence[Window]],
) -> str:
    """Queue a run of some stages for each span of windows; the mark that they share.

    Raises:
        CoordinatorError: Dagster does not accept one.
    """
    mark = uuid.uuid4().hex
    wanted = [_execution(challenge, stages, span, mark) for span in spans]
    answer = instance.ask(LAUNCH, {"runs": wanted})["launchMultipleRuns"]
    results = answer.get("launchMultipleRunsResult", [answer])
    refused = [each for each in results if each["__typename"] != "LaunchRunSuccess"]
    if refused:
        told = refused[0].get("message") or refused[0]["__typename"]
        raise CoordinatorError(f"Dagster did not accept a run of the backfill: {told}")
    return mark


def follow(directory: Path, mark: str, total: int) -> Iterator[Progress]:
    """How far the runs of a mark are, about once a second, until all have ended well.

    Raises:
        CoordinatorError: one did not, and none takes its place; with what it said.
    """
    with open_instance(directory) as instance:
        patience = time.monotonic() + DECIDING_SECONDS
        while True:
            interruption.check()
            runs = instance.get_runs(filters=dg.RunsFilter(tags={SPLIT_TAG: mark}))
            given_up = [run for run in runs if _is_given_up(run)]
            if not given_up:
                patience = time.monotonic() + DECIDING_SECONDS
            elif time.monotonic() > patience:
                raise CoordinatorError(_reason(directory, given_up[0]))
            canceled = [run for run in runs if run.status is dg.DagsterRunStatus.CANCELED]
            if canceled:
                raise CoordinatorError(f"{_what(canceled[0])} was canceled")
            done = sum(run.status is dg.DagsterRunStatus.SUCCESS for run in runs)
            yield Progress(done, total, len(runs) - total)
            if done == total:
                return
            time.sleep(POLL_SECONDS)


def split_backfill(
    instance: LocalInstance,
    challenge: Challenge,
    windows: Sequence[Window],
    size: int,
    tell: Callable[[str, Progress], None],
) -> None:
    """Backfill windows in runs of ``size`` up to their scores, then their boards in one.

    Raises:
        CoordinatorError: a run was refused or failed; the same call goes on from what is stored.
    """
    for what, stages, spans in (
        ("scores", SCORED, parts(windows, size)),
        ("boards", stages_of(challenge, BOARDS), [windows]),
    ):
        mark = launch(instance, challenge, stages, spans)
        for progress in follow(instance.directory, mark, len(spans)):
            tell(what, progress)


def _is_given_up(run: dg.DagsterRun) -> bool:
    """Whether a run failed and, as far as can be told yet, none will take its place."""
    failed = run.status is dg.DagsterRunStatus.FAILURE
    return (
        failed and run.tags.get(WILL_RETRY_TAG) != "true" and AUTO_RETRY_RUN_ID_TAG not in run.tags
    )


def _execution(
    challenge: Challenge, stages: Sequence[str], span: Sequence[Window], mark: str
) -> dict[str, object]:
    """One run, as Dagster's UI would ask for it."""
    tags = {
        **run_tags(challenge),
        SPLIT_TAG: mark,
        ASSET_PARTITION_RANGE_START_TAG: window_key(span[0]),
        ASSET_PARTITION_RANGE_END_TAG: window_key(span[-1]),
    }
    return {
        "selector": {
            "repositoryLocationName": challenge.name,
            "repositoryName": "__repository__",
            "jobName": f"{challenge.key}_replay",
            "assetSelection": [{"path": [challenge.key, stage]} for stage in stages],
        },
        "runConfigData": {},
        "executionMetadata": {
            "tags": [{"key": key, "value": value} for key, value in tags.items()]
        },
    }


def _what(run: dg.DagsterRun) -> str:
    first, last = run.tags[ASSET_PARTITION_RANGE_START_TAG], run.tags[ASSET_PARTITION_RANGE_END_TAG]
    return f"the run {run.run_id} of the windows {first} to {last}"


def _reason(directory: Path, run: dg.DagsterRun) -> str:
    told = failure(directory, run.run_id) or "Dagster recorded no reason"
    return f"{_what(run)} failed: {told.strip()}"
