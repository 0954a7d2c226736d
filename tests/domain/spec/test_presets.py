import pytest

from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.presets import PRESETS
from tests.specs import COMPLETE, changed

ORIGINALS = {
    "baseline": (60, "default", 60, 60, 60),
    "realtime": (15, "realtime-btc", 60, 15, 15),
    "in-sample": (60, "in-sample-btc", 300, 60, 300),
    "out-of-sample": (300, "out-of-sample-btc", 900, 300, 900),
}
"""Of the original: checkpoint interval, scope key, horizon, step, interval, in seconds."""
OWN = ("inference:build_input", "validation:validate_output", "scoring:score_prediction")
DEFAULTS = {
    "MODEL_SCORE_AGGREGATOR": "aggregate_model_scores",
    "LEADERBOARD_RANKER": "rank_leaderboard",
    "RAW_INPUT_PROVIDER": "provide_raw_input",
    "GROUND_TRUTH_RESOLVER": "resolve_ground_truth",
    "PREDICTION_SCOPE_BUILDER": "build_prediction_scope",
    "PREDICT_CALL_BUILDER": "build_predict_call",
}


def as_in_the_original(preset):
    checkpoint, scope_key, horizon, step, every = ORIGINALS[preset]
    scope = {"asset": "BTC", "horizon_seconds": horizon, "step_seconds": step}
    if preset != "baseline":
        scope["tournament_mode"] = preset
    keys = ("INFERENCE_INPUT_BUILDER", "INFERENCE_OUTPUT_VALIDATOR", "SCORING_FUNCTION")
    callables = {key: f"crunch_btc_up_down.{path}" for key, path in zip(keys, OWN, strict=True)}
    callables |= {key: f"coordinator_runtime.defaults:{name}" for key, name in DEFAULTS.items()}
    config = {
        "scope_key": scope_key,
        "scope_template": scope,
        "schedule": {"every_seconds": every},
        "active": True,
        "order": 0,
    }
    return {
        "checkpoint_interval_seconds": checkpoint,
        "callables": callables,
        "scheduled_prediction_configs": [config],
        "feed.granularity_seconds": 15,
    }


@pytest.mark.parametrize("preset", ORIGINALS)
def test_a_spec_of_the_original_is_understood(preset):
    challenge = checked_challenge(changed(as_in_the_original(preset)))
    checkpoint, scope_key, horizon, step, every = ORIGINALS[preset]
    (config,) = challenge.configs
    assert config.scope == {"asset": "BTC", "horizon": horizon, "step": step}
    assert (config.scope_key, config.schedule.every_seconds) == (scope_key, every)
    assert config.schedule.resolve_after_seconds == horizon
    assert challenge.tournament_mode == (None if preset == "baseline" else preset)
    assert challenge.refresh_seconds == checkpoint


def test_the_presets_of_the_original_are_there():
    assert set(ORIGINALS) < set(PRESETS)


@pytest.mark.parametrize("preset", ORIGINALS)
def test_a_preset_needs_only_a_name_a_start_and_a_tie_rule(preset):
    wanted = ("spec_version", "name", "start", "truth")
    spec = {field: COMPLETE[field] for field in wanted} | {"preset": preset}
    challenge = checked_challenge(spec)
    by_hand = changed(as_in_the_original(preset))
    (config,), (same,) = challenge.configs, checked_challenge(by_hand).configs
    assert config == same
    assert challenge.feed.provider == "simulated"
    assert challenge.tournament_mode == (None if preset == "baseline" else preset)


def test_what_the_spec_says_wins_over_the_preset():
    challenge = checked_challenge(changed({"preset": "realtime", "tournament_mode": "in-sample"}))
    assert challenge.configs[0].schedule.every_seconds == 60
    assert challenge.feed.seed == COMPLETE["feed"]["seed"]
    assert challenge.tournament_mode == "in-sample"


def test_a_field_that_is_null_is_left_to_the_preset():
    spec = changed({"preset": "realtime", "scheduled_prediction_configs": None, "feed": None})
    assert checked_challenge(spec).configs[0].scope_key == "realtime-btc"


def test_densities_need_no_tie_rule_since_no_direction_is_asked():
    spec = {field: COMPLETE[field] for field in ("spec_version", "name", "start")}
    challenge = checked_challenge(spec | {"preset": "density"})
    assert [config.scope_key for config in challenge.configs] == [
        "btc-5m", "eth-5m", "btc-1h", "eth-1h",
    ]  # fmt: skip
    assert challenge.ranking.direction == "asc"
