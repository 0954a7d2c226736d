"""``coordinator spec diff``: what is told, and by which exit status."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from coordinator_pipelines.cli.spec import spec
from coordinator_pipelines.domain.values.errors import SpecError
from tests.specs import COMPLETE, changed


def diff(directory: Path, changes: dict[str, Any], *options: str) -> Result:
    """Of the complete spec and a changed one that lies elsewhere."""
    old, new = directory / "old.yaml", directory / "new" / "spec.json"
    new.parent.mkdir(exist_ok=True)
    old.write_text(yaml.safe_dump(COMPLETE))
    new.write_text(json.dumps(changed(changes)))
    return CliRunner().invoke(spec, ["diff", str(old), str(new), *options])


def test_specs_that_mean_the_same_touch_nothing(tmp_path):
    said = diff(tmp_path, {"models_file": "models.yaml"})
    assert (said.exit_code, said.output) == (0, "Both specs mean the same\n")


@pytest.mark.parametrize(
    ("changes", "status", "line"),
    [
        ({"title": "T\x1b[31m"}, 0, 'title: not there -> "T\\u001b[31m"  [nothing]'),
        ({"missing_data.default": "exclude"}, 3,
         'missing_data.default: "worst" -> "exclude"  [re-scoring]'),
        ({"feed.seed": 8, "title": "T"}, 4, "feed.seed: 7 -> 8  [refused]"),
    ],
)  # fmt: skip
def test_the_exit_status_tells_whether_something_is_touched(tmp_path, changes, status, line):
    said = diff(tmp_path, changes)
    assert said.exit_code == status
    assert line in said.output.splitlines()
    if status == 3:
        assert "payouts: checkpoints that are not paid yet" in said.output


def test_a_program_gets_a_document(tmp_path):
    said = diff(tmp_path, {"ranking.minimum_samples": 7}, "--json")
    assert json.loads(said.output) == {
        "touches": ["boards", "payouts"],
        "changes": [
            {"field": "ranking.minimum_samples", "before": 30, "after": 7, "touches": ["boards"]}
        ],
    }


def test_a_spec_that_is_wrong_is_named(tmp_path):
    said = diff(tmp_path, {"ranking.minimum_samples": -1})
    assert isinstance(said.exception, SpecError)
    assert "new/spec.json" in str(said.exception)
    assert "ranking.minimum_samples" in str(said.exception)
