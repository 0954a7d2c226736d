"""An author's callables that fail at the 30th second of a minute, or for one config."""

from typing import Any


def build_input(raw_input: dict[str, Any]) -> dict[str, Any]:
    """Refuses input whose newest bar ended at 28 seconds, which is what a round at 30 gets."""
    newest = max(end for prices in raw_input.values() for end, _ in prices)
    if newest % 60 == 28:
        raise ValueError("28 is not my number")
    return raw_input


def build_call(config: dict[str, Any], inference_input: Any, scope: dict[str, Any]) -> Any:
    """Refuses a config by its id."""
    del inference_input
    if config["id"] == "moody":
        raise LookupError("moody today")
    asset, horizon, step = (scope["scope"][name] for name in ("asset", "horizon", "step"))
    return {"args": [asset, horizon, step], "kwargs": {}}


def build_scope(config: dict[str, Any], inference_input: Any) -> Any:
    """Returns nonsense for one config."""
    del inference_input
    if config["id"] == "moody":
        return {"scope_key": "moody", "scope": {"asset": float("nan")}}
    return {"scope_key": config["scope_key"], "scope": config["scope_template"]}
