"""From the lines a model's process writes to the cells of an ask: every line is checked.

Add here what a line, a silence or a death means; avoid processes, pipes and clocks. What comes in
was written by participants' processes: it is taken apart by exact shape, or it ends the attempt.
"""

import json
import math
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator_pipelines.domain.doors.models import Outcome

REASON_CHARACTERS = 500
LINE_OVERHEAD_BYTES = 8192
"""What a line may hold beyond an answer: kind, step, time, or a reason of escaped characters."""

Cell = tuple[Outcome, str | None, str | None, float | None]
"""Outcome, output, reason, exec_time_ms."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the model is asked to do: a tick of a question, or one of its calls."""

    question: int
    is_tick: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an attempt stopped before the end of the ask."""

    outcome: Outcome
    reason: str
    for_good: bool = False
    """Nothing further can be asked in this ask: setting up again would end the same way."""


def steps_of(questions: Sequence[Sequence[int]]) -> list[Step]:
    """The steps of an ask from (number of ticks, number of calls) per question."""
    return [
        Step(number, is_tick)
        for number, (ticks, calls) in enumerate(questions)
        for is_tick in [True] * ticks + [False] * calls
    ]


def death(exit_code: int | None) -> str:
    """An exit code in words: negative for a signal, None where nobody knows it."""
    if exit_code is None:
        return "the process is gone"
    if exit_code >= 0:
        return f"the process exited with code {exit_code}"
    return f"the process died of {signal.Signals(-exit_code).name}"


@dataclass(slots=True)
class Progress:
    """How far an ask has come: settled steps in order, and ticks that are not given again."""

    steps: list[Step]
    cells: list[Cell | None] = field(default_factory=list)
    """One entry per settled step; None for a tick."""
    deadly_ticks: set[int] = field(default_factory=set)
    """Their steps."""

    @property
    def done(self) -> bool:
        """Whether every step is settled."""
        return len(self.cells) == len(self.steps)

    @property
    def next_step(self) -> Step:
        """The first step that is not settled."""
        return self.steps[len(self.cells)]

    def ticks_to_repeat(self) -> int:
        """How many ticks a fresh process is given to stand where this progress stands."""
        return sum(
            step.is_tick and i not in self.deadly_ticks
            for i, step in enumerate(self.steps[: len(self.cells)])
        )

    def charge(self, ending: Ending) -> None:
        """Settle what the model was doing: its call, or all calls that waited for its tick.

        Further ticks of that question are then told as those before it are, after a restart.
        """
        step = self.next_step
        stop = len(self.cells) + 1
        if step.is_tick:
            self.deadly_ticks.add(len(self.cells))
            while stop < len(self.steps) and self.steps[stop].question == step.question:
                stop += 1
        self._settle_until(stop, ending.outcome, ending.reason)

    def settle_rest(self, outcome: Outcome, reason: str) -> None:
        """Give every open cell the same outcome."""
        self._settle_until(len(self.steps), outcome, reason)

    def _settle_until(self, stop: int, outcome: Outcome, reason: str) -> None:
        cell: Cell = (outcome, None, reason[:REASON_CHARACTERS], None)
        self.cells += [
            None if step.is_tick else cell for step in self.steps[len(self.cells) : stop]
        ]

    def answers(self) -> list[Cell]:
        """The cells of the calls, in order."""
        return [cell for cell in self.cells if cell is not None]


@dataclass(slots=True)
class Limits:
    """What one attempt may take; seconds, and bytes of JSON."""

    call_seconds: float
    setup_seconds: float
    output_bytes: int


class Attempt:
    """The lines of one process, from its set-up to the end of the ask."""

    def __init__(self, progress: Progress, limits: Limits) -> None:
        self._progress = progress
        self._limits = limits
        self._to_repeat = progress.ticks_to_repeat()
        self._rest = b""
        self._lines = self._expected()
        self._kinds = next(self._lines)
        self.taken = 0
        """How many lines have come: a deadline starts anew with each."""

    @property
    def setting_up(self) -> bool:
        """Whether the constructor or a history tick is still running."""
        return self._kinds in {"CA", "HF"}

    def feed(self, data: bytes) -> Ending | None:
        """Take what has been read; an Ending if the attempt must stop here."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            ending = self._take(line)
            if ending or self._progress.done:
                return ending
        if len(self._rest) > self._limits.output_bytes + LINE_OVERHEAD_BYTES:
            return self._violation()
        return None

    def _expected(self) -> Iterator[str]:
        """Which kinds of line may come next, one after the other."""
        yield "CA"
        yield "HF"
        for _ in range(self._to_repeat):
            yield "U"
        while not self._progress.done:
            yield "T" if self._progress.next_step.is_tick else "RNEK"

    def _take(self, line: bytes) -> Ending | None:
        try:
            kind, step, milliseconds, text = line.decode("ascii").split(" ", 3)
            elapsed = float(milliseconds)
            content = json.loads(text) if text else None
            in_turn = kind not in "TRNEK" or int(step) == len(self._progress.cells)
            known = len(kind) == 1 and kind in self._kinds
            if not (known and in_turn and 0 <= elapsed < math.inf):
                return self._violation()
        except (ValueError, RecursionError):
            return self._violation()
        if elapsed > self._limits.call_seconds * 1000:
            return self.silence()
        self.taken += 1
        ending = self._settle(kind, content, text, elapsed)
        self._kinds = next(self._lines, "")
        return ending

    def _settle(self, kind: str, content: Any, text: str, elapsed: float) -> Ending | None:
        reason = str(content)[:REASON_CHARACTERS]
        cells = self._progress.cells
        if kind == "A":
            return Ending(Outcome.ABSENT, f"setup failed: {reason}", for_good=True)
        if kind == "F":
            return Ending(Outcome.FAILED, f"history tick raised {reason}", for_good=True)
        if kind == "T":
            cells.append(None)
        elif kind == "N":
            cells.append((Outcome.ABSTAINED, None, "the model returned None", elapsed))
        elif kind == "E":
            cells.append((Outcome.FAILED, None, reason, elapsed))
        elif kind == "K":
            cells.append((Outcome.FAILED, None, reason, None))
        elif kind == "R":
            if not text or len(text) > self._limits.output_bytes:
                return self._violation()
            cells.append((Outcome.SUCCESS, text, None, elapsed))
        return None

    def silence(self) -> Ending:
        """What it means that nothing came before the deadline."""
        setup = f"took longer than {self._limits.setup_seconds:g} s"
        call = f"took longer than {self._limits.call_seconds:g} s"
        if self._kinds == "CA":
            reason = f"setup failed: the constructor {setup}"
            return Ending(Outcome.ABSENT, reason, for_good=True)
        if self._kinds == "HF":
            return Ending(Outcome.TIMEOUT, f"history tick {setup}", for_good=True)
        if self._kinds == "U":
            reason = f"a tick given again after a restart {call}"
            return Ending(Outcome.TIMEOUT, reason, for_good=True)
        what = "tick" if self._kinds == "T" else "predict"
        return Ending(Outcome.TIMEOUT, f"{what} {call}")

    def death(self, exit_code: int | None) -> Ending:
        """What it means that the process ended, with an exit code as in :func:`death`."""
        reason = death(exit_code)
        if self._kinds == "CA":
            return Ending(Outcome.ABSENT, f"setup failed: {reason}", for_good=True)
        if self._kinds == "HF":
            return Ending(Outcome.FAILED, f"history tick: {reason}", for_good=True)
        return Ending(Outcome.FAILED, reason, for_good=self._kinds == "U")

    def _violation(self) -> Ending:
        reason = "protocol violation: the model's process wrote what no model process writes"
        return Ending(Outcome.FAILED, reason, for_good=self.setting_up or self._kinds == "U")
