"""What one deployment of a model is told and asked, and what its replies mean.

Add here the course of a question and its verdicts; avoid connections (``cluster``) and
other models (``live``). A deployment is told all data in order before it is asked: once the
history, which reaches up to the question it came with, from then on each question's tick. What
it could not be told yet waits for the next question. Data that it was told and did not finish
with in time counts as told: the call cannot be taken back.
"""

import asyncio
import time
from collections import deque
from typing import Any

from coordinator_pipelines.domain.doors.models import Ask, Call, Limits, Outcome, Question
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.answers import model_facts
from coordinator_pipelines.models.live.health import bounded
from coordinator_pipelines.models.live.runner import (
    Arguments,
    LiveRunner,
    Reply,
    busy_pauses,
)
from coordinator_pipelines.models.live.variant import UnreadableError, decode, keywords, positional

Cell = tuple[Outcome, str | None, str | None, float | None]
SLACK_SECONDS = 0.25
"""Time on top of a deadline before a call that ignores its own is given up from outside."""
MOST_UNTOLD = 1000
"""Ticks kept for a model that cannot be told; beyond, it starts again from the history."""
NOT_SET_UP = "Setup has not been called"
GONE = {"UNAVAILABLE", "UNAUTHENTICATED"}
HISTORY, TICK = "history tick", "tick"
LATE = Reply("DEADLINE_EXCEEDED", "not called: the time for all of it is over")


class Conversation:
    """All exchanges with one deployment, one at a time."""

    def __init__(self, runner: LiveRunner, shape: CallShape) -> None:
        self.runner = runner
        self.loss: str | None = None
        """Why the deployment must be connected or set up again; None: it need not."""
        self._shape = shape
        self._facts = model_facts(runner.member)
        self._untold: deque[tuple[str, deque[Any]]] = deque()
        self._has_history = False
        self._telling: asyncio.Task[Cell | None] | None = None

    @property
    def needs_history(self) -> bool:
        """Whether it must be told the history when it is asked next."""
        return self._shape.tick_method is not None and not self._has_history

    def resume(self) -> None:
        """Take it that an earlier process told it everything up to the next question's tick."""
        if self.runner.existed:
            self._has_history = True

    async def ask(self, ask: Ask) -> list[Cell]:
        """A cell per call of the ask, in order."""
        cells: list[Cell] = []
        for question in ask.questions:
            cells += await self._question(ask, question)
        return cells

    async def _question(self, ask: Ask, question: Question) -> list[Cell]:
        trouble = await self._catch_up(ask, question)
        cells: list[Cell] = []
        for call in question.calls:
            cell = trouble or await self._predict(call, ask.limits)
            if cell[0] in (Outcome.TIMEOUT, Outcome.ABSENT):
                trouble = cell
            cells.append(cell)
        return cells

    async def _catch_up(self, ask: Ask, question: Question) -> Cell | None:
        """Tell the model what it has not been told; a cell if it cannot be asked."""
        if self._shape.tick_method is None:
            return None
        if not self._note_untold(ask, question):
            return _not_yet("it has just joined and has not had its history yet")
        if self._telling is None or self._telling.done():
            self._telling = asyncio.ensure_future(self._tell_all(ask.limits))
        seconds = ask.limits.call_timeout_seconds + SLACK_SECONDS
        done, _ = await asyncio.wait({self._telling}, timeout=seconds)
        if not done:
            return _not_yet(f"it has taken in its history for {seconds:g} s and is not done")
        return self._telling.result()

    def _note_untold(self, ask: Ask, question: Question) -> bool:
        """Put what is new to the model in line; False if that is a history which nobody has."""
        if len(self._untold) > MOST_UNTOLD:
            self._untold.clear()
            self._has_history = False
        covered = False
        if self.needs_history:
            if ask.history is None:
                return False
            self._has_history = True
            self._untold.append((HISTORY, deque(ask.history)))
            covered = question is ask.questions[0]
        if question.ticks and not covered:
            self._untold.append((TICK, deque(question.ticks)))
        return True

    async def _tell_all(self, limits: Limits) -> Cell | None:
        """Tell what is untold; trouble with the newest of it, or with what could not be told."""
        trouble = None
        while self._untold:
            what, ticks = self._untold[0]
            first, trouble = what == HISTORY, None
            seconds = limits.setup_timeout_seconds if first else limits.call_timeout_seconds
            ends = time.monotonic() + seconds  # of the history as a whole
            while ticks:
                left = ends - time.monotonic() if first else seconds
                reply = await self._tell(ticks[0], left) if left > 0 else LATE
                found = self._verdict(reply, what, seconds)
                told = reply.code in ("SUCCESS", "DEADLINE_EXCEEDED") or reply.answered
                if found and (first or not told):
                    return found
                ticks.popleft()
                trouble = trouble or found
                if found and found[0] is Outcome.TIMEOUT:
                    return found
            self._untold.popleft()
        return trouble

    async def _tell(self, data: Any, seconds: float) -> Reply:
        shape = self._shape
        given = shape.tick_keywords(self._facts)
        by_name = {} if shape.tick_argument is None else {shape.tick_argument: data}
        args = [data] if shape.tick_argument is None else []
        method = shape.tick_method or ""
        return await self._exchange(method, args, {**by_name, **given}, seconds)

    async def _predict(self, call: Call, limits: Limits) -> Cell:
        given = self._shape.predict_keywords(self._facts)
        seconds = limits.call_timeout_seconds
        started = time.perf_counter()
        reply = await self._exchange(
            self._shape.predict_method, list(call.args), {**call.kwargs, **given}, seconds
        )
        elapsed = (time.perf_counter() - started) * 1000
        trouble = self._verdict(reply, self._shape.predict_method, seconds)
        if trouble is not None:
            return (*trouble[:3], elapsed if reply.answered else None)
        try:
            text = decode(reply.value, limits.output_bytes)
        except UnreadableError as error:
            return Outcome.FAILED, None, str(error), elapsed
        if text is None:
            return Outcome.ABSTAINED, None, "the model returned None", elapsed
        return Outcome.SUCCESS, text, None, elapsed

    async def _exchange(
        self, method: str, args: list[Any], kwargs: dict[str, Any], seconds: float
    ) -> Reply:
        """Call; while the server is busy with another coordinator's call, call again."""
        ends = time.monotonic() + seconds
        arguments, pauses = (positional(args), keywords(kwargs)), busy_pauses()
        while True:
            reply = await self._attempt(method, arguments, ends - time.monotonic())
            pause = next(pauses)
            if not reply.busy or ends - time.monotonic() <= pause:
                return reply
            await asyncio.sleep(pause)

    async def _attempt(self, method: str, arguments: Arguments, seconds: float) -> Reply:
        try:
            work = self.runner.exchange(method, *arguments, seconds)
            return await asyncio.wait_for(work, seconds + SLACK_SECONDS)
        except TimeoutError:
            return Reply("DEADLINE_EXCEEDED", "the connection is stuck")

    def _verdict(self, reply: Reply, what: str, seconds: float) -> Cell | None:
        """What a reply means; None for a success."""
        if reply.code == "SUCCESS" and reply.answered:
            return None
        if reply.answered and NOT_SET_UP in reply.message:
            self.loss = "its process was restarted"
            return _not_yet(f"{self.loss} and has to be set up again")
        if not reply.answered and reply.code in GONE:
            self.loss = f"the connection is lost: {reply.message}"
            return _not_yet(self.loss)
        if not reply.answered and reply.code == "DEADLINE_EXCEEDED":
            return Outcome.TIMEOUT, None, f"{what} took longer than {seconds:g} s", None
        if reply.busy:
            return Outcome.TIMEOUT, None, "it is still busy with an earlier call", None
        problem = f"{reply.code}: {reply.message}" if reply.message else reply.code
        if reply.too_large:
            problem = "the answer is larger than a message may be"
        return Outcome.FAILED, None, bounded(f"{what}: {problem}"), None


def _not_yet(reason: str) -> Cell:
    return Outcome.ABSENT, None, bounded(reason), None
