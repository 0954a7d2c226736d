"""A digest tells the code that a callable runs, and nothing else of its module."""

import importlib.util
from pathlib import Path

import pytest

from coordinator_pipelines.domain.author.source import source_digest

SOURCE = """
import math

WEIGHTS = {{"up": {weight}}}
UNUSED = {unused}

class Rule:
    def apply(self, value):
        return math.exp(value) * WEIGHTS["up"]

def score(prediction, ground_truth):
    {comment}return {{"value": Rule().apply(1.0)}}

class Scorer:
    def __call__(self, prediction, ground_truth):
        return score(prediction, ground_truth)

scorer = Scorer()
"""


@pytest.fixture
def digest(tmp_path: Path):
    """The digest of a callable of a module with changes."""

    def told(name: str = "score", **changes: object) -> str:
        path = tmp_path / str(len(list(tmp_path.iterdir()))) / "weighted.py"
        path.parent.mkdir()
        path.write_text(SOURCE.format(**{"weight": 0.5, "unused": 1, "comment": ""} | changes))
        spec = importlib.util.spec_from_file_location("weighted", path)
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setitem(importlib.sys.modules, "weighted", module)
            spec.loader.exec_module(module)
            return source_digest(getattr(module, name))

    return told


@pytest.mark.parametrize("name", ["score", "scorer"])
def test_what_is_run_decides(digest, name):
    same = digest(name)
    assert len(same) == 12
    assert digest(name) == digest(name, unused=2) == same
    assert digest(name, weight=0.25) != same
    assert digest(name, comment="pass; ") != same


def test_what_has_no_source_has_no_digest():
    assert source_digest(len) == ""
