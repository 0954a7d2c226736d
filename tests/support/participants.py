"""Participants of tests: a directory with ``main.py`` each, and the ``models.yaml`` of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import yaml

from coordinator_pipelines.starter import tracker

STARTER_MODELS = Path(tracker.__file__).with_name("models")

HEADER = """
import math, os, random, time
from coordinator_pipelines.starter.tracker import TrackerBase
"""
HALF = "return {'p_up': 0.5}"
FOLLOWER = """
before, now = [None, *self.prices(asset)][-2:]
return {'p_up': 0.5 if before is None else 0.8 if now > before else 0.3}
"""
SHY = """
return None if self.now(asset) // 60 % 5 == 0 else {'p_up': 0.6}
"""
BROKEN = """
minute = self.now(asset) // 60
if minute % 7 == 0:
    raise ValueError(f'minute {minute}')
return {'p_up': minute % 10 / 10}
"""
FOUR = {"half": HALF, "follower": FOLLOWER, "shy": SHY, "broken": BROKEN}
"""A baseline, one that always answers, one that abstains, one that fails now and then."""
SPY = """
seen, self.data = self.data, []
return {'p_up': 0.5, 'seen': seen}
"""
SPY_BODY = """
def __init__(self):
    super().__init__()
    self.data = []

def tick(self, data):
    super().tick(data)
    self.data.append(data)
"""
"""Returns, with each answer, the ticks since the previous one."""


def write_model(
    directory: Path,
    predict: str,
    *,
    body: str = "",
    before: str = "",
    arguments: str = "asset, horizon, step",
) -> Path:
    """A model's directory, from the body of its ``predict`` and of its class."""
    directory.mkdir(parents=True, exist_ok=True)
    method = f"def predict(self, {arguments}):\n{indent(dedent(predict).strip(), '    ')}"
    members = indent(f"{dedent(body)}\n{method}", "    ")
    text = f"{HEADER}\n{dedent(before)}\nclass Model(TrackerBase):\n{members}\n"
    (directory / "main.py").write_text(text)
    return directory


def write_roster(path: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    """``models.yaml`` from its entries, whose models inherit from the starter's base class."""
    content = {"shared_modules": [tracker.__name__], "models": [dict(entry) for entry in entries]}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_participants(
    directory: Path, bodies: Mapping[str, str], **stays: Mapping[str, Any]
) -> Path:
    """A model per body of ``predict``; ``stays`` adds keys to the entry of a model."""
    entries = []
    for model_id, predict in bodies.items():
        body = SPY_BODY if predict == SPY else ""
        write_model(directory / "models" / model_id, predict, body=body)
        entry = {"id": model_id, "owner": "tester", "path": f"models/{model_id}"}
        entries.append({**entry, **stays.get(model_id, {})})
    return write_roster(directory / "models.yaml", entries)
