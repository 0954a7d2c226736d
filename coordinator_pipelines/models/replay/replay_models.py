"""Participants' models asked about the past: a worker process per model, a fork per ask.

Add here the order in which asks go out and answers come back; avoid processes and pipes
(``worker.py`` and what it starts).

What can and cannot cross asks: each ask runs in a fork of a process that has imported the model
and done nothing else, so nothing in memory does; what it writes is taken away after each ask.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Semaphore
from types import TracebackType
from typing import Self

from coordinator_pipelines import private
from coordinator_pipelines.domain.doors.models import Answer, Ask, Member, Models, Outcome
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.answers import same_answers
from coordinator_pipelines.models.base_class import base_class
from coordinator_pipelines.models.replay.lodgings import HouseRules, Lodgings, NoLodgingError
from coordinator_pipelines.models.replay.verdict import REASON_CHARACTERS
from coordinator_pipelines.models.replay.worker import ReplayWorker, Request
from coordinator_pipelines.models.roster import Supplies
from coordinator_pipelines.models.submission import is_submitted

ASKS_PER_CORE = 2
"""Models at work at once. More would only stretch every call towards its deadline."""

DEFAULT_SHAPE = CallShape()
Pending = tuple[Ask, list[Future[list[Answer]]]]


class ReplayModels(Models):
    """Asks the code in the members' directories. Use as a context manager.

    ``base_class``: the class that models inherit from, as in the spec. ``log_dir``: gets
    ``<model_id>.log`` with all that the model prints, its tracebacks included. ``lodging``: how
    models are kept in. ``supplies``: reads what they are given, when the first is asked.
    ``own_package``: see ``lay_out``. ``call``: how the models' methods are called. ``ahead``: asks
    that are worked on before the consumer has taken the one in front.
    """

    def __init__(
        self,
        *,
        base_class: str,
        log_dir: Path,
        lodging: HouseRules,
        supplies: Callable[[], Supplies] = Supplies,
        own_package: str = "",
        call: CallShape = DEFAULT_SHAPE,
        ahead: int = 8,
    ) -> None:
        self._base_class = base_class
        self._say = lodging.say
        self._lodgings = Lodgings(lodging, supplies, base_class, own_package)
        self._log_dir = log_dir
        self._call = call
        self._ahead = ahead
        self._slots = Semaphore(ASKS_PER_CORE * (os.cpu_count() or 1))
        self._workers: dict[tuple[str, Path, str], ReplayWorker] = {}
        self._unlodged: dict[tuple[str, Path, str], NoLodgingError] = {}

    def __enter__(self) -> Self:
        private.directory(self._log_dir)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker, the models' processes, and all that these have started."""
        for worker in self._workers.values():
            worker.close()
        for worker in self._workers.values():
            worker.join()
        self._workers.clear()
        self._lodgings.close()

    def ask_each(
        self, asks: Iterable[tuple[Ask, Sequence[Member]]]
    ) -> Iterator[tuple[Ask, list[Answer]]]:
        """See :meth:`Models.ask_each`; works up to ``ahead`` asks ahead of the consumer."""
        pending: deque[Pending] = deque()
        try:
            for ask, members in asks:
                pending.append((ask, self._submit(ask, members)))
                if len(pending) > self._ahead:
                    yield collect(pending.popleft())
            while pending:
                yield collect(pending.popleft())
        finally:
            for _, futures in pending:
                for future in futures:
                    future.cancel()

    def _submit(self, ask: Ask, members: Sequence[Member]) -> list[Future[list[Answer]]]:
        request = Request.of(ask, self._call)
        return [self._submit_one(request, member) for member in members]

    def _submit_one(self, request: Request, member: Member) -> Future[list[Answer]]:
        directory = member.directory
        try:
            if directory is None or not is_submitted(directory):
                where = directory or "a directory of this model"
                raise NoLodgingError(f"there is no main.py in {where}")
            return self._worker(member, directory).submit(request)
        except NoLodgingError as error:
            future: Future[list[Answer]] = Future()
            reason = str(error)[:REASON_CHARACTERS]
            future.set_result(same_answers(request.ask, member, Outcome.ABSENT, reason))
            return future

    def _worker(self, member: Member, directory: Path) -> ReplayWorker:
        key = (member.model_id, directory, member.code_hash)
        if key in self._unlodged:
            raise self._unlodged[key]
        if key not in self._workers:
            log = self._log_dir / f"{member.model_id}.log"
            try:
                lodging = self._lodgings.of(member, directory, log)
            except NoLodgingError as error:
                self._say(f"Model {member.model_id} is absent: {error}")
                self._unlodged[key] = error
                raise
            base = base_class(self._base_class, self._lodgings.supplies.shared_modules)
            self._workers[key] = ReplayWorker(member, lodging, base, log, self._slots)
        return self._workers[key]


def collect(pending: Pending) -> tuple[Ask, list[Answer]]:
    """Wait for all answers to one ask, in the order of the members."""
    ask, futures = pending
    return ask, [answer for future in futures for answer in future.result()]
