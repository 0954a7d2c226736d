"""A whole spec from what an author gave: preset, generated code, and values that fit the rounds.

Add here what a new challenge says where its author is silent; avoid checks (the spec's own model
makes them). All that is filled in is written out, so that the author sees it and can change it.
"""

import math
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from coordinator_pipelines.domain.spec.defaults import DEFAULT_WINDOWS
from coordinator_pipelines.domain.spec.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.timeline.window import BATCH_WINDOWS
from coordinator_pipelines.scaffold.names import Names
from coordinator_pipelines.scaffold.presets import REFRESH_SECONDS

Spec = dict[str, Any]

COARSEST_BAR = 60
CALL_TIMEOUT = 2.0
MINIMUM_SAMPLES = 10
WEEK = 604800


def completed(given: Spec, names: Names, preset: str, today: datetime) -> Spec:
    """The spec to be checked and written: ``given``, and the rest from preset and rounds.

    Args:
        given: an author's spec; a field that is null counts as not given. It is not changed.
        names: of the challenge.
        preset: a key of ``PRESETS``.
        today: start of the challenge, if ``given`` has none.
    """
    own = _lifted({field: value for field, value in given.items() if value is not None})
    spec = {
        "spec_version": "1",
        "crunch_id": names.slug,
        "model_base_classname": "tracker.TrackerBase",
        "start": today.isoformat().replace("+00:00", "Z"),
        "batch_window": "1h",
        "warm_up_seconds": 7200,
        **PRESETS[preset],
        **own,
        "name": names.slug,
        "preset": preset,
    }
    if isinstance(spec["crunch_id"], int) and not isinstance(spec["crunch_id"], bool):
        spec["crunch_id"] = str(spec["crunch_id"])
    spec["callables"] = _callables(own, names)
    _fill_in(spec, own)
    return spec


def generated_callables(names: Names) -> dict[str, str]:
    """The callables that the new public package has."""
    return {
        "INFERENCE_INPUT_BUILDER": f"{names.package}.inference:build_input",
        "INFERENCE_OUTPUT_VALIDATOR": f"{names.package}.validation:validate_output",
        "SCORING_FUNCTION": f"{names.package}.scoring:score_prediction",
        "LEADERBOARD_RANKER": f"{names.package}.ranking:rank_leaderboard",
        "REPORT_SCHEMA_PROVIDER": f"{names.package}.reporting:report_schema",
    }


def _fill_in(spec: Spec, own: Spec) -> None:
    """What depends on what else is said: each is left alone where the author gave it."""
    configs = _understood(spec["scheduled_prediction_configs"])
    mode = own.get("tournament_mode")
    if mode is not None and mode != PRESETS[spec["preset"]].get("tournament_mode"):
        spec["replay_allowed"] = own.get("replay_allowed", mode == "in-sample")
    if "feed" not in own and configs and spec["feed"]["provider"] != "posted":
        spec["feed"] = {**spec["feed"], **_feed_for(configs)}
    spec.setdefault("replay_allowed", False)
    if "truth" not in own:
        convention = _convention(spec["feed"])
        usual = {"convention": convention} | (
            {} if convention == "posted" else {"tie_rule": "void"}
        )
        spec["truth"] = {**usual, **spec.get("truth", {})}
    _fill_in_intervals(spec)
    shortest = min((config.interval_seconds or WEEK for config in configs), default=WEEK)
    spec.setdefault("limits", {"call_timeout_seconds": min(CALL_TIMEOUT, shortest / 2)})
    spec.setdefault("trailing_windows_hours", dict(DEFAULT_WINDOWS))
    if not {"profile", "metrics"} & set(spec):
        spec["profile"] = "windowed_mean"
    if "metrics" not in spec:
        spec.setdefault("ranking", {"minimum_samples": _samples(spec, configs)})
    spec.setdefault("missing_data", {"default": "worst"})


def _lifted(spec: Spec) -> Spec:
    """The label that the original put into each scope, said once for the challenge."""
    given = spec.get("scheduled_prediction_configs")
    configs = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    scopes = [scope for c in configs if isinstance(scope := c.get("scope_template"), dict)]
    modes = [scope["tournament_mode"] for scope in scopes if "tournament_mode" in scope]
    return {"tournament_mode": modes[0], **spec} if modes else spec


def _callables(own: Spec, names: Names) -> Any:
    given, generated = own.get("callables", {}), generated_callables(names)
    if not isinstance(given, dict):
        return given
    if own.get("scoring") is not None:
        del generated["SCORING_FUNCTION"]  # so that it is not this which is said to contradict it
    return {**generated, **given}


def _understood(configs: Any) -> list[ScheduledPredictionConfig]:
    """The configs, if they can be read; what is wrong with them is said when all is checked."""
    try:
        return [ScheduledPredictionConfig.model_validate(config) for config in configs]
    except (ValidationError, TypeError):
        return []


def _feed_for(configs: list[ScheduledPredictionConfig]) -> Spec:
    """Subjects and granularity with which every instant of the rounds has a price."""
    instants = [seconds for config in configs for _, seconds in config.schedule.instants()]
    bar = math.gcd(COARSEST_BAR, *instants)
    assets = dict.fromkeys(config.asset for config in configs)
    return {
        "subjects": {asset: f"{asset}USDT" for asset in assets},
        "granularity_seconds": bar,
        "staleness_limit_seconds": 3 * bar,
    }


def _convention(feed: Any) -> str:
    provider = feed.get("provider") if isinstance(feed, dict) else None
    return {"pyth": "straddling_update", "posted": "posted"}.get(str(provider), "bar_close")


def _fill_in_intervals(spec: Spec) -> None:
    """A checkpoint interval below a batch window is a refresh interval; then there are not two."""
    given = spec.setdefault("checkpoint_interval_seconds", WEEK)
    window = BATCH_WINDOWS.get(str(spec["batch_window"]), timedelta())
    if not isinstance(given, int) or given >= window.total_seconds():
        spec.setdefault("refresh_interval_seconds", REFRESH_SECONDS[spec["preset"]])


def _samples(spec: Spec, configs: list[ScheduledPredictionConfig]) -> int:
    """Few enough for a first board within minutes, and no more than a window can hold."""
    windows = spec["trailing_windows_hours"]
    lengths = windows.values() if isinstance(windows, dict) else ()
    seconds = 3600 * max((each for each in lengths if isinstance(each, int)), default=1)
    rounds = sum(-(-seconds // (c.interval_seconds or WEEK)) for c in configs if c.active)
    return max(1, min(MINIMUM_SAMPLES, rounds))
