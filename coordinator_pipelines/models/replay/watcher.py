"""The watcher of one model in a replay: deadlines, kills and restarts.

Run as ``python -m coordinator_pipelines.models.replay.watcher LODGING BASE_CLASS
LOG``. No
participant's code ever runs in this process, so it answers whatever that code does to the
processes below. Add here the course of an ask; avoid importing the model, the meaning of what
it does (``replay_verdict.py``) and anything that knows more than one model.

On standard input comes, per ask, one JSON line and a body of its ``bytes``; on standard output
goes one JSON line, ``[[outcome, output, reason, exec_time_ms], ...]``, a cell per call in order,
preceded by empty lines now and then to show that there is progress. When standard input ends,
so does this process, and everything below it.
"""

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.replay.leavings import Leavings
from coordinator_pipelines.models.replay.lodging import Lodging
from coordinator_pipelines.models.replay.process import ModelProcess, guard_process
from coordinator_pipelines.models.replay.verdict import (
    REASON_CHARACTERS,
    Attempt,
    Ending,
    Limits,
    Progress,
    death,
    steps_of,
)

SLACK_SECONDS = 0.25
"""Time on top of a deadline for an answer to arrive: the child measures what is late."""
LOOK_UP_SECONDS = 1.0
PROGRESS_SECONDS = 0.5
STARTS = 2
"""Imports that hang or die before the model counts as one that cannot be imported."""
OPEN_FILES = 256
PIPE_BYTES = 1 << 20

_told_to_leave: list[bool] = []


class Worker:
    """Puts asks to one model, whose processes it owns."""

    def __init__(self, process: ModelProcess, kept: Path) -> None:
        self._process = process
        self._kept = kept
        self._leavings: Leavings | None = None
        self._unimportable: str | None = None
        self._bad_starts = 0
        self._progress_shown = 0.0

    def answer(self, head: dict[str, Any], body: bytes) -> Progress:
        """Everything that the model answers to one ask."""
        limits = Limits(head["call_seconds"], head["setup_seconds"], head["output_bytes"])
        progress = Progress(steps_of(head["questions"]))
        restarts = 0
        while not progress.done:
            reason = self._import(limits)
            if reason:
                progress.settle_rest(Outcome.ABSENT, reason)
                break
            ending = self._attempt(head, body, progress, limits)
            if ending is None:
                break
            if ending.for_good:
                progress.settle_rest(ending.outcome, ending.reason)
                break
            progress.charge(ending)
            if restarts == head["restarts"]:
                reason = f"not asked: restarted {restarts} times in this window"
                progress.settle_rest(ending.outcome, reason)
            restarts += 1
        if self._leavings is not None:
            self._leavings.take_away()
        return progress

    def _forget(self) -> None:
        """Let go of the directories of a process that has ended."""
        if self._leavings is not None:
            self._leavings.take_away()
            self._leavings.close()
            self._leavings = None

    def _import(self, limits: Limits) -> str | None:
        """Have the model imported; why it cannot be, if so. A refusal is final."""
        if self._unimportable or self._process.running:
            return self._unimportable
        self._forget()
        self._process.start()
        deadline = time.monotonic() + limits.setup_seconds
        reason = f"import failed: it took longer than {limits.setup_seconds:g} s"
        while self._wait([self._process.control.fileno()], deadline):
            messages = self._process.messages()
            if messages == [["ready"]]:
                self._bad_starts = 0
                self._leavings = Leavings(self._process.writable(), self._kept)
                return None
            if messages is None:
                reason = f"import failed: {death(self._process.wait())}"
            elif messages:
                self._unimportable = reason = read_reason(messages[0][1:])
            if messages != []:
                break
        self._process.stop()
        self._bad_starts += 1
        if self._bad_starts == STARTS:
            self._unimportable = reason
        return reason

    def _attempt(
        self, head: dict[str, Any], body: bytes, progress: Progress, limits: Limits
    ) -> Ending | None:
        place = {"first": len(progress.cells), "skip": sorted(progress.deadly_ticks)}
        with tempfile.TemporaryFile() as request:
            request.write(json.dumps({**head, **place}).encode() + b"\n" + body)
            request.flush()
            results = self._process.fork(request)
            try:
                return self._follow(results, Attempt(progress, limits), progress, limits)
            finally:
                os.close(results)
                self._process.end_child()

    def _follow(
        self, results: int, attempt: Attempt, progress: Progress, limits: Limits
    ) -> Ending | None:
        """Read what the child writes until the ask is done, late, dead or rubbish."""
        sources: list[int] = [results, self._process.control.fileno()]
        deadline = time.monotonic() + limits.setup_seconds + SLACK_SECONDS
        while True:
            ready = self._wait(sources, deadline)
            dead = sources[-1] in ready and (
                self._process.messages() is None or not self._process.child_runs
            )
            data, taken = read_some(results), attempt.taken
            ending = attempt.feed(data or b"")
            if ending or progress.done:
                return ending
            if dead:
                return attempt.death(self._process.exit_code)
            if not ready and attempt.taken == taken:
                return attempt.silence()
            if data == b"" and results in sources:
                sources.remove(results)
            if attempt.taken > taken and not attempt.setting_up:
                deadline = time.monotonic() + limits.call_seconds + SLACK_SECONDS
                self._show_progress()

    def _wait(self, sources: list[int], deadline: float) -> list[int]:
        """Those of the sources that can be read; none when the deadline has passed."""
        ready: list[int] = []
        rest = deadline - time.monotonic()
        while not ready and rest >= 0:
            ready = select.select([*sources, 0], [], [], min(rest, LOOK_UP_SECONDS))[0]
            if 0 in ready or _told_to_leave:
                sys.exit()
            rest = deadline - time.monotonic()
        return ready

    def _show_progress(self) -> None:
        if time.monotonic() - self._progress_shown > PROGRESS_SECONDS:
            self._progress_shown = time.monotonic()
            os.write(1, b"\n")


def read_some(source: int) -> bytes | None:
    """What a pipe holds; ``b""`` at its end, None if it holds nothing yet."""
    try:
        return os.read(source, PIPE_BYTES)
    except BlockingIOError:
        return None


def read_reason(words: list[str]) -> str:
    """The reason in a ``failed`` message, which participants' code may have garbled."""
    try:
        return str(json.loads(words[0]))[:REASON_CHARACTERS]
    except (ValueError, IndexError, RecursionError):
        return "import failed"


def leave(*_: object) -> None:
    """Signal handler: end through the context managers, which end everything below.

    Its exception is lost where Python ignores exceptions, so waits look at the note as well.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _told_to_leave.append(True)
    sys.exit()


def main() -> None:
    """Answer asks from standard input until it ends."""
    lodging, base_class, log_path = Lodging.loaded(sys.argv[1]), *sys.argv[2:]
    signal.signal(signal.SIGTERM, leave)
    guard_process()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with tempfile.TemporaryDirectory(prefix="replay-", ignore_cleanup_errors=True) as directory:
        kept, home = Path(directory, "kept"), Path(directory, "home")
        kept.mkdir()
        home.mkdir()
        log = Log(Path(log_path))
        process = ModelProcess(lodging, base_class, log, home)
        worker = Worker(process, kept)
        try:
            while line := sys.stdin.buffer.readline():
                head = json.loads(line)
                cells = worker.answer(head, sys.stdin.buffer.read(head["bytes"])).answers()
                sys.stdout.buffer.write(json.dumps(cells).encode() + b"\n")
                sys.stdout.buffer.flush()
        finally:
            process.stop()
            log.close()


if __name__ == "__main__":
    main()
