"""The coordinator's hold on one model's watcher process: asks go in, checked answers come out.

Add here what concerns one worker process as seen from the coordinator; avoid the order of asks
(``replay.py``) and the meaning of a model's behaviour (``replay_verdict.py``). What comes out of
the process is checked by exact shape: participants' code runs below it.
"""

import json
import os
import select
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from threading import Lock, Semaphore
from typing import IO, Any

from coordinator_pipelines.domain.doors.models import Answer, Ask, Member, Outcome
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.answers import (
    as_answers,
    calls_in,
    model_facts,
    same_answers,
)
from coordinator_pipelines.models.isolation import ENVIRONMENT
from coordinator_pipelines.models.replay.lodging import Lodging

MODULE = "coordinator_pipelines.models.replay.watcher"
BACKSTOP_SECONDS = 10.0
"""Silence of the watcher beyond the deadlines that it keeps itself, before it is killed."""
FAREWELL_SECONDS = 3.0
CELL_OVERHEAD_BYTES = 8192
PIPE_BYTES = 1 << 20
NOT_A_CELL = (Outcome.FAILED, None, "protocol violation: not a cell", None)


class WorkerLostError(Exception):
    """The watcher process fell silent, ended, or wrote what it never writes."""


@dataclass(frozen=True, slots=True)
class Request:
    """An ask as it travels: encoded once, sent to the worker of every member."""

    ask: Ask
    call: CallShape
    shape: list[tuple[int, int]]
    """(number of ticks, number of calls) per question."""
    body: bytes

    @classmethod
    def of(cls, ask: Ask, call: CallShape) -> "Request":
        """Encode an ask; where models have no tick, there are none in it."""
        has_tick = call.tick_method is not None
        questions: list[dict[str, Any]] = [
            {
                "at": question.performed_at.isoformat(),
                "ticks": question.ticks if has_tick else (),
                "calls": [(call.args, call.kwargs) for call in question.calls],
            }
            for question in ask.questions
        ]
        shape = [(len(each["ticks"]), len(each["calls"])) for each in questions]
        history = ask.history if has_tick and ask.history else ()
        body = json.dumps({"history": history, "questions": questions}).encode()
        return cls(ask, call, shape, body)

    def head(self, member: Member) -> bytes:
        """The line that precedes the body, for one model."""
        call, facts = self.call, model_facts(member)
        limits = self.ask.limits
        head = {
            "name": self.ask.name,
            "seed": f"{member.model_id}:{self.ask.name}",
            "tick_method": call.tick_method,
            "tick_argument": call.tick_argument,
            "tick_keywords": json.dumps(call.tick_keywords(facts)),
            "predict_method": call.predict_method,
            "predict_keywords": json.dumps(call.predict_keywords(facts)),
            "questions": self.shape,
            "call_seconds": limits.call_timeout_seconds,
            "setup_seconds": limits.setup_timeout_seconds,
            "output_bytes": limits.output_bytes,
            "restarts": limits.restarts_per_ask,
            "bytes": len(self.body),
        }
        return json.dumps(head).encode() + b"\n"


def is_cell(cell: object, output_bytes: int) -> bool:
    """Whether a decoded JSON value is a cell, within its bounds."""
    match cell:
        case [str(outcome), output, reason, None | float() | int() as elapsed]:
            success = outcome == Outcome.SUCCESS
            sized = (
                isinstance(output, str) and len(output) <= output_bytes and reason is None
                if success
                else output is None and isinstance(reason, str) and len(reason) <= 500
            )
            return sized and outcome in set(Outcome) and (elapsed is None or isfinite(elapsed))
    return False


class ReplayWorker:
    """One model's watcher process, started at the first ask; asks are answered in their order.

    A thread of its own talks to it, so that the death of that thread means the death of the
    worker: the process asks the kernel to be told when the thread that started it ends.
    """

    def __init__(
        self, member: Member, lodging: Lodging, base_class: str, log: Path, slots: Semaphore
    ) -> None:
        self._member = member
        self._command = (
            *(sys.executable, "-B", "-P", "-s", "-m", MODULE),
            *(lodging.dumped(), base_class, str(log.absolute())),
        )
        self._slots = slots
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"model-{member.model_id}")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._closed = False
        self._asked: list[Future[list[Answer]]] = []

    def submit(self, request: Request) -> Future[list[Answer]]:
        """Queue an ask."""
        future = self._thread.submit(self._ask, request)
        self._asked = [asked for asked in self._asked if not asked.done()] + [future]
        return future

    def _ask(self, request: Request) -> list[Answer]:
        ask, member = request.ask, self._member
        with self._slots:
            try:
                cells = self._exchange(request)
            except WorkerLostError as error:
                self._kill()
                return same_answers(ask, member, Outcome.FAILED, str(error))
        size = ask.limits.output_bytes
        checked = [cell if is_cell(cell, size) else NOT_A_CELL for cell in cells]
        return as_answers(ask, member, checked)

    def _exchange(self, request: Request) -> list[Any]:
        process = self._start()
        assert process.stdin, "opened as a pipe"
        assert process.stdout, "opened as a pipe"
        limits = request.ask.limits
        count = calls_in(request.ask)
        patience = limits.call_timeout_seconds + limits.setup_timeout_seconds + BACKSTOP_SECONDS
        most = count * (2 * limits.output_bytes + CELL_OVERHEAD_BYTES) + CELL_OVERHEAD_BYTES
        send(process.stdin, request.head(self._member) + request.body, patience)
        line = receive_line(process.stdout, patience, most)
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise WorkerLostError("protocol violation: the worker's answer is no JSON") from error
        if not isinstance(cells, list) or len(cells) != count:
            raise WorkerLostError(f"protocol violation: the worker's answer is not {count} cells")
        return cells

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise WorkerLostError("the replay was closed")
            if self._process is None:
                self._process = subprocess.Popen(
                    self._command,
                    env={**ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    bufsize=0,
                    start_new_session=True,
                )
            return self._process

    def _kill(self) -> None:
        """End the process gently, so that it ends all below it; then its whole group for sure."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(FAREWELL_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Begin to end the process; asks under way are given up, queued ones are dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()

    def join(self) -> None:
        """Wait until the process and all below it are gone; call after :meth:`close`.

        A process that does not heed the signal is killed, and all below it dies with it.
        """
        if wait(self._asked, FAREWELL_SECONDS).not_done:
            with self._lock, suppress(ProcessLookupError):
                if self._process is not None:
                    os.killpg(self._process.pid, signal.SIGKILL)
        self._thread.shutdown(wait=True)
        self._kill()


def send(pipe: IO[bytes], data: bytes, patience: float) -> None:
    """Write all data.

    Raises:
        WorkerLostError: the pipe broke, or took nothing for ``patience`` seconds.
    """
    os.set_blocking(pipe.fileno(), False)
    rest = memoryview(data)
    while rest:
        if not select.select([], [pipe], [], patience)[1]:
            raise WorkerLostError("the worker took no ask before its deadline")
        try:
            rest = rest[os.write(pipe.fileno(), rest) :]
        except BrokenPipeError as error:
            raise WorkerLostError("the worker's process is gone") from error


def receive_line(pipe: IO[bytes], patience: float, most: int) -> bytes:
    """The next line that is not empty; an empty one shows progress.

    Raises:
        WorkerLostError: the pipe ended, nothing came for ``patience`` seconds, or the line is
            longer than ``most`` bytes.
    """
    chunks: list[bytes] = []
    size = 0
    while not (chunks and chunks[-1].endswith(b"\n")):
        if not select.select([pipe], [], [], patience)[0]:
            raise WorkerLostError(f"the worker was silent for {patience:g} s")
        data = os.read(pipe.fileno(), PIPE_BYTES)
        if not data:
            raise WorkerLostError("the worker's process is gone")
        data = data if chunks else data.lstrip(b"\n")
        size += len(data)
        if size > most:
            raise WorkerLostError(f"protocol violation: the worker wrote more than {most} bytes")
        if data:
            chunks.append(data)
    return b"".join(chunks)
