"""The queue of runs that ``dagster.yaml`` names: Dagster's own, and every run says whose it is.

Add here what a run must carry before it is queued; avoid limits (``templates/dagster.yaml``). Runs
of a challenge's jobs have its tag by themselves; those that somebody starts from the page of an
asset have not, and the list of one challenge's runs would lack them.
"""

import dagster as dg
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.tags import MAX_RETRIES_TAG, RETRY_STRATEGY_TAG, SENSOR_NAME_TAG

from coordinator_pipelines.automation import CHALLENGE_TAG


class TaggingRunCoordinator(dg.QueuedRunCoordinator):
    """Queues a run, tagged with the challenge whose assets or checks it is about."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue."""
        run = context.dagster_run
        if CHALLENGE_TAG not in run.tags and (name := _challenge(run)):
            self._instance.add_run_tags(run.run_id, {CHALLENGE_TAG: name})
        if self._instance.run_retries_enabled:
            self._instance.add_run_tags(run.run_id, _begun_again(run))
        return super().submit_run(context)


def _begun_again(run: dg.DagsterRun) -> dict[str, str]:
    """How a run is begun again whose process was lost."""
    if SENSOR_NAME_TAG in run.tags:
        # Not at all: its sensor asks again by itself, and then for what is still ahead.
        return {MAX_RETRIES_TAG: "0"}
    # From its first step: each adds only what is missing, and one that was lost after its last
    # step has none that failed, which Dagster would take for nothing to do.
    return {RETRY_STRATEGY_TAG: ReexecutionStrategy.ALL_STEPS.value}


def _challenge(run: dg.DagsterRun) -> str | None:
    """The slug of the challenge; None if the run is about none, or more than one."""
    checked = {check.asset_key for check in run.asset_check_selection or ()}
    keys = {key.path[0] for key in {*(run.asset_selection or ()), *checked}}
    return keys.pop().replace("_", "-") if len(keys) == 1 else None
