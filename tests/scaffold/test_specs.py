"""Specs of all kinds: those that mean something become challenges, the others are named."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.values.errors import CallableError, CoordinatorError, SpecError
from coordinator_pipelines.scaffold.blueprint import Blueprint, blueprint
from coordinator_pipelines.scaffold.creation import create
from coordinator_pipelines.scaffold.identity import require_version
from coordinator_pipelines.spec_file import load_challenge, read_spec
from tests.scaffold.conftest import TODAY, Make, loaded, run_tests

ORIGINAL_DEFAULTS = {
    "MODEL_SCORE_AGGREGATOR": "coordinator_runtime.defaults:aggregate_model_scores",
    "LEADERBOARD_RANKER": "coordinator_runtime.defaults:rank_leaderboard",
}


def planned(slug: str | None = "btc-trader", **given: Any) -> Blueprint:
    return blueprint(given, name=slug, preset=None, today=TODAY)


def config(every: Any = 60, horizon: Any = 60, asset: Any = "BTC", **scope: Any) -> dict[str, Any]:
    return {
        "scope_key": f"{asset}-{horizon}",
        "scope_template": {"asset": asset, "horizon_seconds": horizon, **scope},
        "schedule": {"every_seconds": every},
    }


def test_a_spec_of_the_original_is_scaffolded_as_it_is(make: Make):
    created = make(
        None,
        spec_version=1,
        name="eth-moves",
        crunch_id=77,
        model_base_classname="crunch_eth_moves.tracker.TrackerBase",
        checkpoint_interval_seconds=900,
        callables={**ORIGINAL_DEFAULTS, "RAW_INPUT_PROVIDER": None},
        scheduled_prediction_configs=[
            {**config(30, 90, "ETH", step_seconds=30), "active": True, "order": 0},
            config(86400, 3600, "BTC", tournament_mode="in-sample"),
        ],
    )
    challenge = load_challenge(created.node / "spec.yaml")
    assert (challenge.crunch_id, challenge.model_base_classname) == ("77", "tracker.TrackerBase")
    assert challenge.refresh_seconds == 900
    assert set(challenge.feed.subjects) == {"ETH", "BTC"}
    assert challenge.feed.granularity_seconds == 30
    assert challenge.tournament_mode == "in-sample"
    assert challenge.callables.LEADERBOARD_RANKER is None
    assert loaded(created)


@pytest.mark.parametrize("every", [1, 7, 15, 60, 900, 86400, 604800])
def test_any_interval_gets_a_feed_and_limits_that_fit_it(every: int):
    challenge = planned(scheduled_prediction_configs=[config(every, every)]).challenge
    assert every % challenge.feed.granularity_seconds == 0
    assert challenge.limits.call_timeout_seconds < every


def test_a_label_of_the_original_decides_about_replays():
    labelled = [config(tournament_mode="out-of-sample")]
    challenge = planned(scheduled_prediction_configs=labelled).challenge
    assert challenge.tournament_mode == "out-of-sample"
    assert not challenge.replay_allowed
    assert planned(preset="realtime", tournament_mode="in-sample").challenge.replay_allowed


def test_the_preset_of_the_command_line_comes_first():
    plan = blueprint({"preset": "realtime"}, name="a", preset="in-sample", today=TODAY)
    assert plan.spec["preset"] == "in-sample"
    assert planned(preset="realtime").challenge.feed.granularity_seconds == 15


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Spec missing required 'spec_version'. Supported version: '1'."),
        ({"spec_version": "2"}, "Unsupported spec_version '2'. Supported version: '1'."),
        ({"spec_version": True}, "Unsupported spec_version True"),
    ],
)
def test_a_spec_file_must_say_its_version(given: dict[str, Any], said: str):
    with pytest.raises(SpecError) as refused:
        require_version(given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (None, {}, "Challenge name required. Provide <name> or include 'name' in --spec."),
        ("a", {"name": "b"}, "Name mismatch: CLI name 'a' does not match spec name 'b'."),
        ("Bad Name 1!", {}, "Invalid challenge name. Use lowercase slug format like 'btc-trader'"),
        (None, {"name": ["a"]}, "name: must be text"),
        ("a", {"preset": "x"}, "Unknown preset 'x'. Allowed presets: baseline, density, "),
        ("a", {"preset": " "}, "Preset name cannot be empty"),
        ("a", {"nmae": "a"}, "nmae: unknown field"),
        ("a", {"checkpoint_interval_seconds": 0}, "checkpoint_interval_seconds: must be greater"),
        ("a", {"checkpoint_interval_seconds": "abc"}, "checkpoint_interval_seconds: must be a wh"),
        ("a", {"crunch_id": "a\nb"}, "crunch_id: must be an id"),
        ("a", {"callables": ["x"]}, "callables: must be a section"),
        ("a", {"callables": {"X": "a:b"}}, "callables.X: unknown field"),
        ("a", {"callables": {"SCORING_FUNCTION": "a:b:c"}}, "callables.SCORING_FUNCTION: must be"),
        ("a", {"callables": {"SCORING_FUNCTION": "node_template.x:y"}}, "an internal path"),
        ("a", {"scheduled_prediction_configs": []}, "scheduled_prediction_configs: must not be"),
        ("a", {"scheduled_prediction_configs": [1]}, "scheduled_prediction_configs[0]: must be"),
        ("a", {"scheduled_prediction_configs": [{**config(), "schedule": "bogus"}]},
         "scheduled_prediction_configs[0].schedule: must be"),
        ("a", {"scheduled_prediction_configs": [{**config(), "scope_key": ""}]},
         "scheduled_prediction_configs[0].scope_key: must be"),
        ("a", {"models_file": "/etc/passwd"}, "models_file: must be models.yaml"),
        ("a", {"scoring": {"rule": "brier"}}, "scoring: a new challenge gets a scoring.py"),
        ("a", {"model_base_classname": "crunch_a.b.c.Model"}, "must be in a module of the new pa"),
        ("a", {"model_base_classname": "crunch_a.Model"}, "must be in a module of the new package"),
        ("a", {"model_base_classname": "other.place.class.M"}, "has a word of Python's as a mod"),
        ("a", {"model_base_classname": "other.place.ModelHelper"}, "'ModelHelper' is a name that"),
        ("a", {"model_base_classname": "other.place.test_it"}, "'test_it' is a name that Python"),
        ("a", {"model_base_classname": "scoring.Model"}, "'scoring' is a name that the new pack"),
        ("a", {"model_base_classname": "__init__.Model"}, "'__init__' is a name that the new p"),
        ("a", {"model_base_classname": "tracker.None"}, "'None' is a name"),
        ("a", {"model_interface": {"predict_method": "class"}}, "model_interface.predict_method"),
        ("a", {"model_interface": {"predict_arguments": {"self": "asset"}}}, "parameter"),
        ("a", {"model_interface": {"tick_method": "predict"}}, "the same as predict_method"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(name: str | None, given: dict[str, Any], said: str):
    with pytest.raises(SpecError) as refused:
        planned(name, **given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no.such.module:f", "cannot be imported"),
        ("json:no_such_function", "has no 'no_such_function'"),
        ("json:dumps", "must start with parameters"),
        ("crunch_btc_trader.other:f", "its own is crunch_btc_trader.scoring:score_prediction"),
    ],
)
def test_a_callable_that_cannot_be_used_is_refused_before_anything_is_written(path: str, said: str):
    with pytest.raises(CallableError) as refused:
        planned(callables={"SCORING_FUNCTION": path})
    assert str(refused.value).startswith("callables.SCORING_FUNCTION: ")
    assert said in str(refused.value)


def test_a_module_that_only_begins_like_the_originals_is_the_authors_own():
    with pytest.raises(CallableError, match="cannot be imported"):
        planned(callables={"SCORING_FUNCTION": "node_template_x.scoring:score"})


def test_paths_are_meant_from_the_spec_that_was_given(tmp_path: Path):
    feed = {"provider": "file", "path": "prices.csv", "subjects": {"BTC": "BTCUSDT"},
            "granularity_seconds": 60, "staleness_limit_seconds": 180}  # fmt: skip
    plan = blueprint({"feed": feed}, name="a", preset=None, today=TODAY, directory=tmp_path)
    assert plan.spec["feed"]["path"] == str(tmp_path / "prices.csv")
    assert feed["path"] == "prices.csv"


@pytest.mark.parametrize(
    "interface",
    [
        {"predict_method": "predict_all", "predict_by": "keyword"},
        {"predict_arguments": {}, "predict_facts": {"who": "model_id"}},
        {"tick_method": None, "predict_arguments": {"event": "input"}},
        {"tick_constants": {"metrics": {"a": [1, True]}}, "predict_constants": {"mode": "live"}},
        {"tick_method": "feed_update", "tick_argument": "prices", "tick_facts": {"me": "owner"}},
        {"predict_arguments": {"subject": "asset", "steps": "steps", "data": "input"}},
    ],
)
def test_code_is_generated_for_every_shape_of_models(make: Make, interface: dict[str, Any]):
    hostile = ['"""', "{{ 7 * 7 }}", "\n'; import os", {"a": [None, True, 0.5]}]
    scope = {"steps": hostile} if "steps" in interface.get("predict_arguments", {}) else {}
    created = make(model_interface=interface, scheduled_prediction_configs=[config(**scope)])
    done = run_tests(created)
    assert done.returncode == 0, done.stdout


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**7), st.text(max_size=8), st.just([]),
    st.just({}), st.floats(allow_nan=True),
)  # fmt: skip
SECONDS = st.sampled_from([1, 2, 5, 7, 15, 30, 60, 90, 300, 3600, 86400, 604800])
ASSETS = st.sampled_from(["BTC", "ETH", "X.1", "a_b"])
CONFIGS = st.builds(config, SECONDS, SECONDS, ASSETS)


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values that mean something, and now and then others."""
    return st.sampled_from([good, good, good, VALUES]).flatmap(lambda chosen: chosen)


MEANT = {
    "crunch_id": st.from_regex(r"[A-Za-z0-9]{1,5}(-[a-z]{1,3})?", fullmatch=True),
    "model_base_classname": st.sampled_from(["tracker.TrackerBase", "iface.Model", ""]),
    "preset": st.sampled_from(list(PRESETS)),
    "tournament_mode": st.sampled_from(["realtime", "in-sample", "out-of-sample"]),
    "batch_window": st.sampled_from(["15m", "1h", "1d"]),
    "checkpoint_interval_seconds": SECONDS,
    "refresh_interval_seconds": SECONDS,
    "replay_allowed": st.booleans(),
    "warm_up_seconds": SECONDS,
    "callables": st.just(ORIGINAL_DEFAULTS),
    "scheduled_prediction_configs": st.lists(CONFIGS, max_size=3),
    "score_direction": st.sampled_from(["asc", "desc"]),
    "trailing_windows_hours": st.dictionaries(
        st.sampled_from(["day", "week", "Bad Name"]), st.sampled_from([1, 24, 168])
    ),
    "profile": st.sampled_from(["windowed_mean", "risk_adjusted"]),
    "missing_data": st.sampled_from([{"default": "exclude"}, {"default": "value"}]),
}
FIELDS = {name: mostly(good) for name, good in MEANT.items()} | {"surprise": VALUES}
SPECS = st.lists(st.sampled_from(list(FIELDS)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)


def names_one_of(fields: Iterable[str], text: str) -> bool:
    """Whether a message is about one of the fields; presets have words of their own."""
    return any(field in text for field in fields) or text.startswith(("Unknown pr", "Preset n"))


def try_out(given: dict[str, Any]) -> bool:
    """Scaffold a spec and load it; or look whether what is said names one of its fields."""
    with tempfile.TemporaryDirectory() as name:
        output = Path(name) / "output"
        try:
            plan = blueprint(given, name="btc-trader", preset=None, today=TODAY)
        except CoordinatorError as error:
            return names_one_of(given, str(error))
        created = create(plan, output)
        assert load_challenge(created.node / "spec.yaml").configs == plan.challenge.configs
        assert loaded(created)
        assert {path.name for path in Path(name).iterdir()} == {"output"}
        assert {path.name for path in output.iterdir()} == {"btc-trader", "workspace.yaml"}
        return True


@settings(max_examples=25)
@given(SPECS)
def test_a_spec_becomes_a_challenge_that_loads_or_its_field_is_named(spec: dict[str, Any]):
    assert try_out(spec)


@pytest.mark.slow
@settings(max_examples=80)
@given(SPECS)
def test_eighty_specs_become_challenges_or_are_named(spec: dict[str, Any]):
    assert try_out(spec)


def test_the_written_spec_reads_back_the_same(make: Make):
    created = make(scheduled_prediction_configs=[config(15, 30, "ETH")])
    written = read_spec(created.node / "spec.yaml")
    assert written == yaml.safe_load(json.dumps(written))
    again = blueprint(written, name=None, preset=None, today=TODAY)
    assert again.spec == written
