"""The launcher of runs that ``dagster.yaml`` names: Dagster's own, and whether a run still lives.

Add here how the process of a run is found; avoid what is done about one that is gone: Dagster's
run monitoring fails the run. Without this, a run whose process vanished together with its code
server (a reboot, a killed container) counts as started for ever, and keeps its place in the queue.
"""

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

ANSWER_SECONDS = 5
PROCESS_GONE = "the process of the run is gone"
LOCAL = ("localhost", "127.0.0.1")
SPAWNED = "multiprocessing"
"""In the command line of every run's process: a number can belong to another program by now."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches a run in a process of its code server, and can find that process again."""

    _handed_over: ClassVar[set[str]] = set()
    """Runs that this process is about to hand to their code servers: no process to find yet."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run; returns when its process is there."""
        run_id = context.dagster_run.run_id
        self._handed_over.add(run_id)
        try:
            super().launch_run(context)
        finally:
            self._handed_over.discard(run_id)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """RUNNING or FAILED; RUNNING also if nobody can know.

        On this machine the process itself tells, as soon as it has said its number. A code server
        tells less: one that was started again does not know the runs of its predecessor, which go
        on; and one whose database was away while a run died no longer looks after its runs, and
        counts them all as running.
        """
        where = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        pids = self._pids(run.run_id) if where.get("host") in LOCAL else set[str]()
        there: bool | None
        if run.run_id in self._handed_over:
            there = True
        elif pids:
            there = any(SPAWNED in _command_line(pid) for pid in pids)
        elif not where and run.status is dg.DagsterRunStatus.STARTING:
            there = False  # whoever launched it is gone, and had not come to asking a code server
        else:
            there = self._is_known(run.run_id)
        if there is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its code server does not answer")
        if there:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, PROCESS_GONE)

    def _is_known(self, run_id: str) -> bool | None:
        """Whether the code server executes the run; None if it does not answer."""
        client = self._client(run_id)
        if client is None:
            return None
        try:
            answer = client.can_cancel_execution(
                CanCancelExecutionRequest(run_id=run_id), timeout=ANSWER_SECONDS
            )
        except DagsterUserCodeUnreachableError:
            return None
        return deserialize_value(answer, CanCancelExecutionResult).can_cancel

    def _client(self, run_id: str) -> DagsterGrpcClient | None:
        found: DagsterGrpcClient | None = self._get_grpc_client_for_termination(run_id)  # type: ignore[no-untyped-call]
        return found

    def _pids(self, run_id: str) -> set[str]:
        """The process of a run, and those of what else has told of it."""
        connection = self._instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ENGINE_EVENT
        )
        pids = set[str]()
        for record in connection.records:
            metadata = record.event_log_entry.get_dagster_event().engine_event_data.metadata
            if "pid" in metadata:
                pids.add(str(metadata["pid"].value))
        return pids


def _command_line(pid: str) -> str:
    """The command line of a process; empty if there is none of that number."""
    if Path("/proc/self").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text()
        return ""
    asked = ["ps", "-o", "command=", "-p", pid]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout
