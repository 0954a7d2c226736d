"""The launcher of runs that a deployment over several machines has: Celery's, watched.

Add here how a run gets to a worker, and how it is found there; avoid what is done about one that
is gone: Dagster's run monitoring fails it, and begins it again. By itself Celery's launcher
believes the last thing that a worker said of a run, and of one whose machine was switched off that
is "started", for ever. Needs the optional extra ``celery``.
"""

import json
import time
from typing import Any

import dagster as dg
from celery import Celery
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG, DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from coordinator_pipelines.stack.instance.run_launcher import PROCESS_GONE

CAPTURES, RUNS = "captures", "runs"
"""The queues: a worker of its own for captures never keeps live rounds waiting for a backfill."""
ANSWER_SECONDS = 4.0
"""How long workers have to say what they are at."""
FRESH_SECONDS = 3.0
"""How long what they said is used for other runs."""
LOST_SECONDS = 30.0
"""How long nobody must know of a run before it counts as gone: a busy worker answers late."""
PRIORITIES = range(10)


class WorkerRunLauncher(CeleryRunLauncher):
    """Hands a run to the workers, and can tell whether one of them is at it."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._held: tuple[float, frozenset[str]] = (-FRESH_SECONDS, frozenset())
        self._missed_since: dict[str, float] = {}

    @property
    def app(self) -> Celery:
        """The Celery application of workers, with what they can be asked to do."""
        create_execute_job_task(self.celery)
        create_resume_job_task(self.celery)
        return self.celery

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """RUNNING while it waits in a queue or a worker holds it; FAILED if nobody knows of it."""
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:  # about to be handed over, or whoever launched it is gone
            known = False
        elif self.celery.AsyncResult(task_id).state in ("SUCCESS", "FAILURE"):
            return super().check_run_worker_health(run)
        else:
            known = task_id in self._tasks_of_workers() or task_id in self._waiting_tasks()
        if known:
            self._missed_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        missed_for = time.monotonic() - self._missed_since.setdefault(run.run_id, time.monotonic())
        if missed_for < LOST_SECONDS:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "no worker has told of it lately")
        self._missed_since.pop(run.run_id)
        return CheckRunHealthResult(WorkerStatus.FAILED, PROCESS_GONE)

    def terminate(self, run_id: str) -> bool:
        """End a run; one that was never handed over has nothing to be ended."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        return super().terminate(run_id)

    def _launch_celery_task_run(
        self, run: dg.DagsterRun, task_signature: Any, routing_key: str
    ) -> None:
        queue = CAPTURES if run.job_name.endswith("_capture") else RUNS
        tagged = run.with_tags({DAGSTER_CELERY_QUEUE_TAG: queue, **run.tags})
        super()._launch_celery_task_run(tagged, task_signature, routing_key)

    def _tasks_of_workers(self) -> frozenset[str]:
        """The tasks that workers hold, as they said within the last seconds."""
        asked_at, held = self._held
        if time.monotonic() - asked_at > FRESH_SECONDS:
            asking = self.celery.control.inspect(timeout=ANSWER_SECONDS)
            told = [asking.active() or {}, asking.reserved() or {}]
            held = frozenset(
                task["id"] for answer in told for tasks in answer.values() for task in tasks
            )
            self._held = (time.monotonic(), held)
        return held

    def _waiting_tasks(self) -> set[str]:
        """The tasks that wait in the broker for a worker, or are on their way to one."""
        with self.celery.connection_for_read() as connection:
            channel = connection.default_channel
            names = {
                channel._q_for_pri(queue, priority)  # noqa: SLF001 (no other way to look)
                for queue in (CAPTURES, RUNS)
                for priority in PRIORITIES
            }
            messages = [
                json.loads(text) for name in names for text in channel.client.lrange(name, 0, -1)
            ]
            on_their_way = channel.client.hvals(channel.unacked_key)
            messages += [json.loads(text)[0] for text in on_their_way]
        return {message["headers"]["id"] for message in messages}
