"""Tiny participants: a directory with ``tracker.py`` and the ``main.py`` that a test writes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent, indent

import pytest

from coordinator_pipelines.domain.doors.models import Answer, Ask, Call, Limits, Member, Question
from coordinator_pipelines.models.isolation import Tier
from coordinator_pipelines.models.replay.lodgings import HouseRules
from coordinator_pipelines.models.replay.replay_models import ReplayModels

START = datetime(2026, 11, 1, tzinfo=UTC)
LIMITS = Limits(
    call_timeout_seconds=0.3, setup_timeout_seconds=3.0, output_bytes=2000, restarts_per_ask=2
)
OPEN = HouseRules(
    Path("/nowhere"), None, 4 << 30, trust=True, say=lambda _: None, tier=Tier.TRUSTED
)
"""Models without a sandbox, so that a test can see what becomes of their processes."""
TRACKER = """
class TrackerBase:
    def tick(self, data):
        self.seen = [*getattr(self, "seen", []), data]
"""
HEADER = """
import os, random, signal, subprocess, sys, time
from tracker import TrackerBase
"""

WriteModel = Callable[..., Member]


def build_ask(name: str = "window", rounds: int = 3, limits: Limits = LIMITS) -> Ask:
    """An ask of one call per minute; tick k is the number k, and so is the call's argument."""
    questions = tuple(
        Question(START + timedelta(minutes=k), (k,), (Call("config", (k,), {"step": 60}),))
        for k in range(rounds)
    )
    return Ask(name, ("history",), questions, limits)


@pytest.fixture
def make_ask() -> Callable[..., Ask]:
    """See :func:`build_ask`."""
    return build_ask


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Write a model: the body of its ``predict``, of its class, or a whole ``main.py``."""

    def write(
        model_id: str = "model",
        predict: str = "return {'p_up': 0.5}",
        body: str = "",
        before: str = "",
        main: str | None = None,
    ) -> Member:
        directory = tmp_path / "models" / model_id
        directory.mkdir(parents=True)
        (directory / "tracker.py").write_text(TRACKER)
        method = f"def predict(self, k, step):\n{indent(dedent(predict).strip(), '    ')}"
        members = indent(f"{dedent(body)}\n{method}", "    ")
        text = f"{HEADER}\n{dedent(before)}\nclass Model(TrackerBase):\n{members}\n"
        (directory / "main.py").write_text(text if main is None else dedent(main))
        return Member(model_id, model_id, "owner", "account", "hash", directory)

    return write


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReplayModels]:
    """Replays of models below ``tracker.TrackerBase``, their logs in ``tmp_path / logs``."""
    with ReplayModels(
        base_class="tracker.TrackerBase", log_dir=tmp_path / "logs", lodging=OPEN
    ) as replay:
        yield replay


@dataclass
class Asker:
    """Puts one ask to models, the way a stage does."""

    models: ReplayModels

    def __call__(self, *members: Member, ask: Ask | None = None) -> list[Answer]:
        [(_, answers)] = self.models.ask_each([(ask or build_ask(), members)])
        return answers

    def outputs(self, member: Member, ask: Ask | None = None) -> list[object]:
        """The decoded answers of one model, or the reasons why there is none."""
        return [
            json.loads(answer.output) if answer.output else answer.reason
            for answer in self(member, ask=ask)
        ]


@pytest.fixture
def ask_models(models: ReplayModels) -> Asker:
    """See :class:`Asker`."""
    return Asker(models)
