"""Models asked as rounds happen: over the published protocol, each on its own terms.

Add here whom to ask, in what order and how many at once; avoid connections (``cluster``)
and what is said to one model (``conversation``). An event loop in a thread of its own holds
all connections, so that joins, losses and late answers go on between two asks.
"""

import asyncio
import logging
import math
import queue
import threading
import time
from collections.abc import Collection, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from model_runner_client.security.credentials import SecureCredentials

from coordinator_pipelines.domain.doors.models import (
    Answer,
    Ask,
    EventKind,
    Line,
    LiveModels,
    Member,
    MembershipEvent,
    Outcome,
)
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.answers import as_answers, same_answers
from coordinator_pipelines.models.live.cluster import Address, Joining, LiveCluster
from coordinator_pipelines.models.live.conversation import Cell, Conversation
from coordinator_pipelines.models.live.health import Health, Patience, bounded
from coordinator_pipelines.models.live.pulse import Pulse
from coordinator_pipelines.models.live.runner import LiveRunner

T = TypeVar("T")
logger = logging.getLogger(__name__)

SLOT_SECONDS = 0.1
"""How long a model that is being asked keeps others from being asked."""
REPORT_AFTER_FAILURES = 100
REPORT_AFTER_SECONDS = 60.0
"""A model is reported to the orchestrator after this many failed cells in a row, over this time."""
CLOSE_SECONDS = 10.0
STILL_SECONDS = 1.0
"""From such a standstill on, or half the time that a model has, nobody is blamed for silence."""
UNHEARD = (Outcome.TIMEOUT, Outcome.ABSENT)


class ProtocolModels(LiveModels):
    """Asks the models that an orchestrator at ``host:port`` announces, once it is entered.

    ``crunch_id``: whose models. ``base_class``: what the models' class inherits from. ``call``:
    names and arguments of their methods. ``secure_dir``: ca.crt, tls.crt and tls.key, where the
    models require them. ``concurrency``: models asked at the same moment; twice the cores is
    fair, since more only make each other slow. ``setup_timeout_seconds`` and ``join_attempts``
    bound a join, ``report_after_failures`` and ``report_after_seconds`` the patience with a
    model that joined.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        crunch_id: str,
        base_class: str,
        call: CallShape,
        concurrency: int,
        secure_dir: Path | None = None,
        setup_timeout_seconds: float = 30.0,
        join_attempts: int = 5,
        report_after_failures: int = REPORT_AFTER_FAILURES,
        report_after_seconds: float = REPORT_AFTER_SECONDS,
    ) -> None:
        secure = SecureCredentials.from_directory(secure_dir) if secure_dir else None
        self._address = Address(host, port, crunch_id)
        self._joining = Joining(base_class, setup_timeout_seconds, join_attempts, secure)
        self._shape = call
        self._concurrency = concurrency
        self._patience = Patience(report_after_failures, report_after_seconds)
        self._events: queue.SimpleQueue[MembershipEvent] = queue.SimpleQueue()
        self._health: dict[str, Health] = {}
        self._conversations: dict[LiveRunner, Conversation] = {}
        self._resumed: set[str] = set()
        self._loop: asyncio.AbstractEventLoop

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="live-models")
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of all models; their processes are the orchestrator's."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        self._loop.close()

    def ask_each(
        self, asks: Iterable[tuple[Ask, Sequence[Member]]]
    ) -> Iterator[tuple[Ask, list[Answer]]]:
        """See :meth:`Models.ask_each`; one ask after the other, each has one question."""
        for ask, members in asks:
            yield ask, self._run(self._ask(ask, members))

    def members(self) -> list[Member]:
        """The models that are connected and set up now, by id."""
        return self._run(self._members())

    def drain_events(self) -> list[MembershipEvent]:
        """See :meth:`LiveModels.drain_events`."""
        events = []
        while not self._events.empty():
            events.append(self._events.get())
        return events

    def resume(self, deployments: Collection[str]) -> None:
        """See :meth:`LiveModels.resume`; a model that was made anew meanwhile is not resumed."""
        self._run(self._resume(set(deployments)))

    def needing_history(self) -> set[str]:
        """See :meth:`LiveModels.needing_history`."""
        return self._run(self._needing_history())

    def health(self) -> dict[str, Health]:
        """How each model that was ever asked is doing, by model id."""
        return dict(self._health)

    def line(self) -> Line:
        """The line to the orchestrator."""
        line: Line = self._cluster.ws_client.line()
        return line

    def wait_until_settled(self, seconds: float) -> bool:
        """Wait until the orchestrator has named its models and no join is under way."""
        return self._run(self._settled(seconds))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._cluster = LiveCluster(self._address, self._joining, self._note_event)
        self._slots = asyncio.Semaphore(self._concurrency)
        self._pulse = Pulse()
        self._cluster.background(self._pulse.run())
        self._cluster.background(self._cluster.sync())

    async def _close(self) -> None:
        await self._cluster.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _members(self) -> list[Member]:
        runners = self._cluster.models_run.values()
        return sorted((each.member for each in runners), key=lambda each: each.model_id)

    async def _resume(self, deployments: set[str]) -> None:
        self._resumed |= deployments
        for conversation in self._conversations.values():
            self._resume_one(conversation)

    def _resume_one(self, conversation: Conversation) -> None:
        deployment = conversation.runner.deployment_id
        if deployment in self._resumed:
            self._resumed.discard(deployment)
            conversation.resume()

    async def _needing_history(self) -> set[str]:
        connected = self._cluster.models_run.values()
        found = (self._conversations.get(runner) for runner in connected)
        return {each.runner.model_id for each in found if each and each.needs_history}

    async def _settled(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._cluster.listed.wait()
                while self._cluster.pending_model_runs:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True

    def _note_event(self, kind: EventKind, runner: LiveRunner, reason: str | None) -> None:
        member = runner.member
        log = logger.info if kind is EventKind.JOINED else logger.warning
        log("model %s %s%s", member.model_id, kind, f": {reason}" if reason else "")
        self._events.put(MembershipEvent(kind, member, datetime.now(UTC), reason))
        for known in [each for each in self._conversations if each.model_id == member.model_id]:
            if known is runner or kind is EventKind.JOINED:
                del self._conversations[known]
        if kind is EventKind.JOINED:
            conversation = Conversation(runner, self._shape)
            self._conversations[runner] = conversation
            self._resume_one(conversation)

    async def _ask(self, ask: Ask, members: Sequence[Member]) -> list[Answer]:
        """Those who have been failing are asked last, so that they delay nobody."""
        rounds = math.ceil(len(members) / self._concurrency)
        slot = min(SLOT_SECONDS, ask.limits.call_timeout_seconds / 2 / max(1, rounds))
        doing = {member.model_id: self._failures(member) > 0 for member in members}
        order = sorted(members, key=lambda member: doing[member.model_id])
        started = time.monotonic()
        tasks = {
            member.model_id: asyncio.ensure_future(self._ask_one(ask, member, slot))
            for member in order
        }
        answers = [answer for member in members for answer in await tasks[member.model_id]]
        ours = self._our_fault(ask, answers, started)
        return answers if ours is None else [_acquitted(answer, ours) for answer in answers]

    def _our_fault(self, ask: Ask, answers: Sequence[Answer], started: float) -> str | None:
        """Why models were not heard that may well have answered; None if nothing speaks for it."""
        still = self._pulse.longest(started)
        if still >= max(STILL_SECONDS, ask.limits.call_timeout_seconds / 2):
            return f"the coordinator stood still for {still:.1f} s"
        unheard = all(answer.outcome in UNHEARD for answer in answers)
        return self.line().problem if unheard else None

    def _failures(self, member: Member) -> int:
        health = self._health.get(member.model_id)
        return health.consecutive_failures if health else 0

    async def _ask_one(self, ask: Ask, member: Member, slot: float) -> list[Answer]:
        runner = self._cluster.models_run.get(member.model_id)
        conversation = self._conversations.get(runner) if runner else None
        if runner is None or conversation is None:
            reason = self._cluster.absences.get(member.model_id) or self._never_heard_of()
            return same_answers(ask, member, Outcome.ABSENT, bounded(reason))
        try:
            cells = await self._paced(conversation.ask(ask), slot)
        except Exception as error:
            logger.exception("asking model %s broke", member.model_id)
            reason = bounded(f"asking it broke: {type(error).__name__}: {error}")
            return same_answers(ask, member, Outcome.FAILED, reason)
        self._judge(runner, conversation, cells)
        return as_answers(ask, member, cells)

    def _never_heard_of(self) -> str:
        return self.line().problem or "the orchestrator does not list it"

    async def _paced(self, work: Coroutine[Any, Any, T], slot: float) -> T:
        """Start when there is a slot, keep it for a moment at most, take as long as it takes."""
        async with self._slots:
            task = asyncio.ensure_future(work)
            await asyncio.wait({task}, timeout=slot)
        return await task

    def _judge(self, runner: LiveRunner, conversation: Conversation, cells: list[Cell]) -> None:
        """Keep count of what is the model's own doing; set up again, or give up, where due."""
        if conversation.needs_history:
            return
        health = self._health.setdefault(runner.model_id, Health())
        for outcome, _, reason, _ in cells:
            health.note(outcome, reason)
        if conversation.loss is not None:
            self._cluster.background(self._cluster.lost(runner, conversation.loss))
        elif (
            self._patience.ends(health) and self._cluster.models_run.get(runner.model_id) is runner
        ):
            timed_out = health.last_outcome is Outcome.TIMEOUT
            code = "MULTIPLE_TIMEOUT" if timed_out else "MULTIPLE_FAILED"
            reason = f"{health.consecutive_failures} in a row; last: {health.last_reason}"
            self._cluster.background(self._cluster.give_up(runner, code, bounded(reason)))


def _acquitted(answer: Answer, reason: str) -> Answer:
    """An answer that did not come for a reason of the coordinator's own; any other as it is."""
    if answer.outcome not in UNHEARD:
        return answer
    return replace(answer, ours=True, reason=bounded(f"{reason} ({answer.reason})"))
