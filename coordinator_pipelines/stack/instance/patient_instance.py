"""The instance that ``dagster.yaml`` names: Dagster's own, which ends no run that makes progress.

Add here what Dagster asks its instance that we answer in another way; avoid how events are
written (``bulk_events``), and how the process of a run is found (``run_launcher``). Dagster's run
monitoring takes a run for dead that has not begun after some seconds. On a busy machine, or with
thousands of windows, that is a run like any other: from then on its process is looked for.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._serdes import ConfigurableClassData

from coordinator_pipelines.stack.instance.bulk_events import in_bulk
from coordinator_pipelines.stack.instance.run_launcher import PROCESS_GONE

BATCH = 5000
"""Events of one transaction: some megabytes."""
STARTING = "The run takes long to start, and goes on with it."
GONE = f"It had not begun when it was found that {PROCESS_GONE}."


class PatientInstance(dg.DagsterInstance):
    """An instance whose starting runs have the time they need, and whose events go in bulk."""

    def __init__(self, *, event_storage: EventLogStorage, **options: Any) -> None:
        super().__init__(event_storage=in_bulk(event_storage), **options)

    @staticmethod
    def config_schema() -> Mapping[str, Any]:
        """What it adds to ``dagster.yaml``: nothing."""
        return {}

    @staticmethod
    def config_defaults(base_dir: str) -> Mapping[str, ConfigurableClassData | None]:
        """What ``dagster.yaml`` need not say."""
        return InstanceRef.config_defaults(base_dir)

    def report_run_failed(
        self,
        dagster_run: dg.DagsterRun,
        message: str | None = None,
        job_failure_data: JobFailureData | None = None,
    ) -> dg.DagsterEvent:
        """Fail a run; one that only takes long to start stays, as long as somebody starts it."""
        reason = job_failure_data.failure_reason if job_failure_data else None
        if reason is RunFailureReason.START_TIMEOUT:
            if self._is_starting(dagster_run):
                return dg.DagsterEvent(
                    dg.DagsterEventType.RUN_STARTING.value, dagster_run.job_name, message=STARTING
                )
            message = GONE
        return super().report_run_failed(dagster_run, message, job_failure_data)

    def _is_starting(self, run: dg.DagsterRun) -> bool:
        """Whether somebody is at it, or will be: what is not in the queue yet has no process."""
        if run.status is dg.DagsterRunStatus.NOT_STARTED:
            return True
        if not self.run_launcher.supports_check_run_worker_health:
            return False
        if self.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING:
            return True
        # It may have begun, and even ended, since whoever asks has read its status.
        now = self.get_run_by_id(run.run_id)
        return now is not None and now.status is not dg.DagsterRunStatus.STARTING

    def _get_event_batch_size(self) -> int:
        return BATCH
