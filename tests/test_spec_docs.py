"""docs/spec.md against the model: every field with its default, and an example that loads."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.spec_file import load_challenge

DOCS = Path(__file__).parents[1] / "docs" / "spec.md"
ROW = re.compile(r"^\| `([\w.\[\]]+)` \| .+? \| ([^|]+) \| .+ \|$", re.MULTILINE)


def sections_of(annotation):
    """The sections that an annotation mentions, and whether they are in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ""
    for part in get_args(annotation):
        listed = "[]" if getattr(annotation, "__origin__", None) is tuple else ""
        yield from ((section, listed or inner) for section, inner in sections_of(part))


def fields_of(section, prefix=""):
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        for inner, listed in sections_of(field.annotation):
            yield from fields_of(inner, f"{prefix}{name}{listed}.")


def documented_default(field):
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "none"
    if isinstance(default, BaseModel):
        return "see below"
    written = str(default) if isinstance(default, str | Path) else json.dumps(default)
    return f"`{written}`"


FIELDS = dict(fields_of(Challenge))


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_is_documented_with_its_default(path):
    rows = dict(ROW.findall(DOCS.read_text()))
    assert path in rows
    expected = documented_default(FIELDS[path])
    assert rows[path] == expected or (expected == "required" and rows[path].startswith("derived"))


def test_nothing_is_documented_that_is_no_field():
    assert set(dict(ROW.findall(DOCS.read_text()))) - set(PRESETS) == set(FIELDS)


def test_the_example_loads_and_is_understood_as_it_says(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "spec.yaml").write_text(example)
    challenge = load_challenge(tmp_path / "spec.yaml")
    assert challenge.name == yaml.safe_load(example)["name"]
    assert challenge.notices()[0].endswith(": BTC every 60 s, resolved after 60 s (step 60 s)")


def _rounds(schedule):
    if schedule.get("kind") == "operator":
        return "when an operator opens a round"
    return f"{schedule['every_seconds']} s"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_documented_as_they_are(preset):
    configs = PRESETS[preset]["scheduled_prediction_configs"]
    scopes = [config["scope_template"] for config in configs]
    columns = (
        [_rounds(config["schedule"]) for config in configs],
        [f"{scope['horizon']} s" for scope in scopes],
        [f"{scope['step']} s" for scope in scopes],
    )
    durations = [" or ".join(dict.fromkeys(column)) for column in columns]
    assets = " and ".join(dict.fromkeys(scope["asset"] for scope in scopes))
    replay = "yes" if PRESETS[preset].get("replay_allowed") else "no"
    row = f"| `{preset}` | {assets} | {' | '.join(durations)} | {replay} |"
    assert row in DOCS.read_text()
