"""The whole computation a second time, from prices; nothing of the code under test is imported.

Add here what an independent reader of the specification would compute. The models' classes are
the one thing shared: they are what is asked, and they are asked here in this process.
"""

import contextlib
import importlib.util
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

MINUTE = 60
Series = tuple[int, "np.ndarray", "np.ndarray", "np.ndarray"]
Cell = tuple[int, str]
"""Unix second of ``performed_at``, model."""


@dataclass(frozen=True)
class Participant:
    """A model: its ``main.py`` (None: its stored answers are taken), and its stays."""

    model_id: str
    directory: Path | None
    stays: Sequence[tuple[int, int | None]]

    def member_at(self, instant: int) -> bool:
        """Whether it takes part at the instant."""
        return any(start <= instant < (end or math.inf) for start, end in self.stays)


@dataclass
class Recomputation:
    """One-minute up/down rounds scored by the Brier rule, from prices alone."""

    closes: Mapping[int, float]
    participants: Sequence[Participant]
    warm_up: int
    delay: int
    tie: float | None
    baseline: str
    answers: dict[Cell, tuple[str, float | None]] = field(default_factory=dict)
    scores: dict[Cell, tuple[float | None, str]] = field(default_factory=dict)
    """Value, and the rule that it comes from; only of cells whose outcome counts."""
    series: dict[str, Series] = field(default_factory=dict)
    classes: dict[str, Any] = field(default_factory=dict)

    def ask(self, participant: Participant, start: int, asks_at: Sequence[int]) -> None:
        """Ask one model all rounds of one window, as the specification says it is asked."""
        try:
            model = self._class(participant)()
        except OSError:
            for performed_at in asks_at:
                if participant.member_at(performed_at):
                    self.answers[performed_at, participant.model_id] = "ABSENT", None
            return
        seen = start - self.warm_up
        for performed_at in asks_at:
            newest = performed_at - self.delay
            bars = [t for t in range(_after(seen), newest + 1, MINUTE) if t in self.closes]
            if bars:
                model.tick({"BTC": [[t, self.closes[t]] for t in bars]})
            seen = max(seen, bars[-1] if bars else seen)
            if not participant.member_at(performed_at):
                continue
            self.answers[performed_at, participant.model_id] = _asked(model)

    def _class(self, participant: Participant) -> Any:
        if participant.model_id not in self.classes:
            assert participant.directory is not None
            self.classes[participant.model_id] = _load(participant.directory)
        return self.classes[participant.model_id]

    def outcome(self, performed_at: int) -> float | None:
        """1 for up, 0 for down, the tie's value; None if it does not count."""
        entry, resolved = (self.closes.get(performed_at + k) for k in (0, MINUTE))
        if entry is None or resolved is None or performed_at + MINUTE >= max(self.closes):
            return None
        return self.tie if entry == resolved else float(resolved > entry)

    def score(self, rounds: Sequence[int]) -> None:
        """The score of each cell: Brier, turned; what is missing costs what the policy says."""
        for performed_at in rounds:
            y = self.outcome(performed_at)
            if y is None:
                continue
            cells = {
                p.model_id: self.answers[performed_at, p.model_id]
                for p in self.participants
                if (performed_at, p.model_id) in self.answers
            }
            own = {m: 1 - (p - y) ** 2 for m, (_, p) in cells.items() if p is not None}
            for model, (status, _) in cells.items():
                self.scores[performed_at, model] = self._value(model, status, own)

    def _value(self, model: str, status: str, own: Mapping[str, float]) -> tuple[float | None, str]:
        if model in own:
            return own[model], "scorer"
        if status == "ABSTAINED" and self.baseline in own:
            return own[self.baseline], "baseline"
        return (min(own.values()), "worst") if own else (None, "exclude")

    def trailing(self, model: str, as_of: int, hours: int) -> "Trailing":
        """The model's scores with ``resolvable_at`` in (as_of - hours, as_of]."""
        if model not in self.series:
            self.series[model] = self._series(model)
        origin, values, own, expected = self.series[model]
        # performed_at is a minute earlier, so the interval is [as_of - hours, as_of) of it.
        stop = max(0, (as_of - origin) // MINUTE)
        inside = slice(max(0, stop - 60 * hours), stop)
        n = int(np.isfinite(values[inside]).sum())
        mean = float(np.nansum(values[inside]) / n) if n else None
        return Trailing(n, int(own[inside].sum()), int(expected[inside].sum()), mean)

    def _series(self, model: str) -> Series:
        first = min(performed_at for performed_at, _ in self.answers)
        last = max(performed_at for performed_at, _ in self.answers)
        values = np.full((last - first) // MINUTE + 1, np.nan)
        own, expected = np.zeros(len(values), int), np.zeros(len(values), int)
        for (performed_at, scored), (value, rule) in self.scores.items():
            if scored == model:
                k = (performed_at - first) // MINUTE
                values[k] = math.nan if value is None else value
                own[k], expected[k] = rule == "scorer", 1
        return first, values, own, expected


@dataclass(frozen=True)
class Trailing:
    """Counts and mean of one trailing window of one model."""

    n: int
    own: int
    expected: int
    mean: float | None


def same_number(one: float | None, other: float | None) -> bool:
    """Both nothing, or equal to 1e-12."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)


def p_up_of(output_json: str | None) -> float | None:
    """The probability in a stored answer."""
    return None if output_json is None else json.loads(output_json)["p_up"]


def seconds(instant: datetime) -> int:
    """Unix seconds."""
    return int(instant.timestamp())


def _after(instant: int) -> int:
    return instant // MINUTE * MINUTE + MINUTE


class _LateError(Exception):
    """The model sleeps: it would not answer in time."""


def _load(directory: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"model_{directory.name}", directory / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if hasattr(module, "time"):
        module.time = _NoSleep
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    )


class _NoSleep:
    """Stands in for the module ``time`` of a model that sleeps beyond its deadline."""

    @staticmethod
    def sleep(seconds: float) -> None:
        """Raise instead of waiting."""
        raise _LateError(str(seconds))


def _asked(model: Any) -> tuple[str, float | None]:
    answer: Any = None
    try:
        answer = model.predict("BTC", MINUTE, MINUTE)
    except _LateError:
        return "TIMEOUT", None
    except Exception:  # noqa: BLE001 (a participant may raise anything)
        return "FAILED", None
    if answer is None:
        return "ABSTAINED", None
    p_up = _probability(answer)
    return ("FAILED", None) if p_up is None else ("SUCCESS", p_up)


def _probability(answer: Any) -> float | None:
    """P(up) of an answer: given, or the mass of a normal mixture above 0."""
    with contextlib.suppress(KeyError, TypeError):
        p_up = answer["p_up"]
        return p_up if 0 <= p_up <= 1 else None
    parts = answer[-1]["components"] if answer[-1]["type"] == "mixture" else None
    if parts is None:
        parts = [{"density": answer[-1], "weight": 1.0}]
    total = math.fsum(part["weight"] for part in parts)
    return math.fsum(part["weight"] * _above_zero(part["density"]) for part in parts) / total


def _above_zero(density: Mapping[str, Any]) -> float:
    params = density["params"]
    return 0.5 * math.erfc(-params["loc"] / params["scale"] / math.sqrt(2))
