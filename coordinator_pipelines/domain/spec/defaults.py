"""What a spec means where it is silent: its preset, its profile, the original's tournament label.

Add here what fills a spec in before it is checked; avoid checks. A field that is null counts
as not given.
"""

from typing import Any

from coordinator_pipelines.domain.spec.model import problem
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.spec.sections import (
    METRIC_NAME,
    SERIES_STATISTICS,
    SIGNAL_STATISTICS,
    natural_direction,
)

DEFAULT_WINDOWS = {"recent": 24, "steady": 72, "anchor": 168}
DEFAULT_BASE_CLASS = "tracker.TrackerBase"


def own_package(slug: str) -> str:
    """The public package of the challenge of a slug, as it is imported."""
    return f"crunch_{slug.replace('-', '_')}"


def filled_in(raw: dict[str, Any]) -> dict[str, Any]:
    """The spec with everything that its preset and its profile say where it is silent.

    A section that the spec gives replaces the preset's whole section.
    """
    given = {field: value for field, value in raw.items() if value is not None}
    spec = _with_base_class({**_preset(given.get("preset")), **given})
    return _with_profile(_with_tournament_mode(spec))


def _preset(name: Any) -> dict[str, Any]:
    if name is None:
        return {}
    if not isinstance(name, str) or name not in PRESETS:
        raise problem("preset", name, f"must be one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _with_base_class(spec: dict[str, Any]) -> dict[str, Any]:
    """The original's spellings of the default class are one; other packages' stay as they are."""
    own = f"{own_package(str(spec.get('name')))}.{DEFAULT_BASE_CLASS}"
    if spec.get("model_base_classname") in ("", own):
        return {**spec, "model_base_classname": DEFAULT_BASE_CLASS}
    return spec


def _with_tournament_mode(spec: dict[str, Any]) -> dict[str, Any]:
    """The label that the original's presets put into each scope, lifted to the challenge."""
    configs = spec.get("scheduled_prediction_configs")
    if not isinstance(configs, list | tuple):
        return spec
    lifted = []
    for i, config in enumerate(configs):
        scope = config.get("scope_template") if isinstance(config, dict) else None
        if not isinstance(scope, dict) or "tournament_mode" not in scope:
            lifted.append(config)
            continue
        mode = scope["tournament_mode"]
        if spec.setdefault("tournament_mode", mode) != mode:
            field = f"scheduled_prediction_configs[{i}].scope_template.tournament_mode"
            raise problem(field, mode, f"contradicts tournament_mode {spec['tournament_mode']!r}")
        rest = {key: value for key, value in scope.items() if key != "tournament_mode"}
        lifted.append({**config, "scope_template": rest})
    return {**spec, "scheduled_prediction_configs": lifted}


def _with_profile(spec: dict[str, Any]) -> dict[str, Any]:
    """Metrics and ranking from the named profile, where the spec does not list its own."""
    name = spec.get("profile", "windowed_mean")
    profile = PROFILES.get(name) if isinstance(name, str) else None
    defaults = (profile or _windowed_mean)(_windows(spec))
    metrics = spec.get("metrics", defaults["metrics"])
    if "profile" in spec and profile and not _same(metrics, defaults["metrics"]):
        raise problem("profile", name, "contradicts metrics: give one of them")
    ranking = spec.get("ranking", {} if "metrics" not in spec else None)
    if isinstance(ranking, dict):
        keyed = "key" in ranking or "metrics" in spec
        ranking = {**({} if keyed else defaults["ranking"]), **ranking}
        direction = _direction(metrics, ranking.get("key"), spec.get("score_direction"))
        ranking = {"direction": direction, **ranking}
    return {**spec, "metrics": metrics} | ({} if ranking is None else {"ranking": ranking})


def _direction(metrics: Any, key: Any, score_direction: Any) -> str:
    """Which way the ranking key is better, as far as metrics that are yet unchecked tell it."""
    named = (each for each in metrics if isinstance(each, dict) and each.get("name") == key)
    statistic = next(named, {}).get("statistic") if isinstance(metrics, list | tuple) else None
    if isinstance(statistic, str) and statistic in SERIES_STATISTICS:
        return natural_direction(statistic)
    return "asc" if score_direction == "asc" else "desc"


def _windows(spec: dict[str, Any]) -> dict[str, int]:
    """The trailing windows, or the default ones while those written cannot be used."""
    windows = spec.get("trailing_windows_hours")
    if not isinstance(windows, dict) or not windows:
        return DEFAULT_WINDOWS
    named = all(isinstance(name, str) and METRIC_NAME.fits(name) for name in windows)
    measured = all(isinstance(hours, int) for hours in windows.values())
    return windows if named and measured else DEFAULT_WINDOWS


def _same(metrics: Any, expected: list[dict[str, str]]) -> bool:
    """Whether metrics say the same; what is null is not said."""
    if not isinstance(metrics, list | tuple):
        return False
    said = [
        {field: value for field, value in each.items() if value is not None}
        if isinstance(each, dict)
        else each
        for each in metrics
    ]
    return said == expected


def _risk_adjusted(windows: dict[str, int]) -> dict[str, Any]:
    longest = max(windows, key=lambda name: windows[name])
    names = ("sharpe_like", "wealth", "mean_return", "volatility", "hit_rate")
    return {
        "metrics": [{"name": name, "statistic": name, "window": longest} for name in names],
        "ranking": {
            "key": "sharpe_like",
            "direction": "desc",
            "tie_breakers": ["wealth", "mean_return"],
        },
    }


def _signal(windows: dict[str, int]) -> dict[str, Any]:
    """The metrics of the original's successor, under its names."""
    longest = max(windows, key=lambda name: windows[name])
    renamed = {"signal_return": "mean_return", "signal_hit_rate": "hit_rate"}
    statistics = (*SIGNAL_STATISTICS, "max_drawdown")
    return {
        "metrics": [
            {"name": renamed.get(name, name), "statistic": name, "window": longest}
            for name in statistics
        ],
        "ranking": {"key": "ic", "tie_breakers": ["ic_sharpe"]},
    }


def _windowed_mean(windows: dict[str, int]) -> dict[str, Any]:
    longest_first = sorted(windows, key=lambda name: -windows[name])
    return {
        "metrics": [{"name": name, "statistic": "mean", "window": name} for name in windows],
        "ranking": {"key": longest_first[0], "tie_breakers": longest_first[1:]},
    }


PROFILES = {
    "windowed_mean": _windowed_mean,
    "risk_adjusted": _risk_adjusted,
    "signal": _signal,
}
