"""The JSON schema of specs: it refuses nothing that the spec itself takes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema_rs import validator_for

from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.spec.schema import spec_schema
from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.spec_file import read_spec
from coordinator_pipelines.starter import tracker
from tests.scaffold.test_specs import SPECS

SCHEMA = validator_for(spec_schema())
STARTER = read_spec(Path(tracker.__file__).with_name("spec.yaml"))
LEAST = {"spec_version": "1", "name": "a", "start": "2026-03-01T00:00:00Z"}


def spec(**given: Any) -> dict[str, Any]:
    return {**LEAST, "truth": {"tie_rule": "void"}, "preset": "baseline", **given}


def test_the_starter_challenge_keeps_to_the_schema():
    assert list(SCHEMA.iter_errors(STARTER)) == []


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_keeps_to_the_schema_by_name_and_written_out(name: str):
    assert list(SCHEMA.iter_errors(spec(preset=name))) == []
    assert list(SCHEMA.iter_errors(spec(**PRESETS[name]))) == []


@pytest.mark.parametrize(
    "given",
    [
        {"spec_version": 1},
        {"end": None, "batch_window": None, "feed": None, "profile": None},
        {"ranking": {"minimum_samples": 3}},
        {
            "scheduled_prediction_configs": [
                {
                    "id": None,
                    "scope_key": "btc",
                    "scope_template": {"asset": "BTC", "horizon_seconds": 120, "step_seconds": 60},
                    "schedule": {"prediction_interval_seconds": 60, "resolve_after_seconds": 0},
                }
            ]
        },
    ],
)
def test_spellings_that_the_spec_takes_keep_to_the_schema(given: dict[str, Any]):
    assert checked_challenge(spec(**given))
    assert list(SCHEMA.iter_errors(spec(**given))) == []


@settings(max_examples=25)
@given(SPECS)
def test_what_is_accepted_keeps_to_the_schema(given: dict[str, Any]):
    try:
        checked_challenge(spec(**given))
    except SpecError:
        return
    given.pop("surprise", None)  # null, which the spec overlooks
    assert SCHEMA.is_valid(spec(**given))


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ({"surprise": 1}, [], "'surprise' was unexpected"),
        ({"truth": None, "name": 5}, ["name"], "not of type"),
        ({"batch_window": "2h"}, ["batch_window"], "is not one of"),
        ({"end": 5}, ["end"], "not of type"),
        ({"feed": {"provider": "x"}}, ["feed", "provider"], "is not one of"),
        ({"feed": {}}, ["feed"], '"provider" is a required property'),
        ({"feed": {**PRESETS["baseline"]["feed"], "seed": "x"}}, ["feed", "seed"], "not of type"),
        (
            {"scheduled_prediction_configs": [{"schedule": {"every_seconds": "x"}}]},
            ["scheduled_prediction_configs", 0, "schedule", "every_seconds"],
            "not of ",
        ),
    ],
)
def test_what_is_wrong_is_said_once_where_it_is(given: dict[str, Any], path: list[Any], said: str):
    (found,) = SCHEMA.iter_errors(spec(**given))
    assert list(found.instance_path) == path
    assert said in found.message
