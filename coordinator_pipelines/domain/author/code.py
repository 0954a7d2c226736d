"""An author's callables as they are found: imported by path, with the parameters they must have.

Add a key's parameters here when a stage gains an extension point; avoid what the callables are
used for (``rules``). Importing runs the author's code, so it happens only when asked for.
"""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from coordinator_pipelines.domain.values.errors import CallableError

PARAMETERS: dict[str, tuple[str, ...]] = {
    "RAW_INPUT_PROVIDER": ("now",),
    "INFERENCE_INPUT_BUILDER": ("raw_input",),
    "INFERENCE_OUTPUT_VALIDATOR": ("inference_output",),
    "PREDICTION_SCOPE_BUILDER": ("config", "inference_input"),
    "PREDICT_CALL_BUILDER": ("config", "inference_input", "scope"),
    "GROUND_TRUTH_RESOLVER": ("prediction",),
    "SCORING_FUNCTION": ("prediction", "ground_truth"),
    "MODEL_SCORE_AGGREGATOR": ("scored_predictions", "models"),
    "LEADERBOARD_RANKER": ("entries",),
    "REPORT_SCHEMA_PROVIDER": (),
    "EMISSION_STRATEGY": ("payees",),
    "ENSEMBLE_WEIGHTS": ("ensemble", "scores"),
}
"""The first parameters of each callable, by name. All but the last two are the original's."""
MAY_TAKE_CONTEXT = ("RAW_INPUT_PROVIDER", "GROUND_TRUTH_RESOLVER")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def load_callable(key: str, path: str) -> Callable[..., Any]:
    """What ``module:callable`` names, if it can be called as its key says.

    Raises:
        CallableError: it cannot be imported, is missing, is not callable, is asynchronous or a
            generator, or has other parameters; the message names key, path and cause.
    """
    module, _, name = path.partition(":")
    found: Any = _imported(key, path, module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise CallableError(f"{key}: '{path}': {_described(found)} has no '{part}'")
        found = getattr(found, part)
    if not callable(found):
        raise CallableError(f"{key}: '{path}' is not callable, but a {type(found).__name__}")
    _check_kind(key, path, found)
    _check_parameters(key, path, found)
    function: Callable[..., Any] = found
    return function


def takes_context(function: Callable[..., Any]) -> bool:
    """Whether a provider or resolver asks for the feed by a parameter named ``context``."""
    parameter = inspect.signature(function).parameters.get("context")
    return parameter is not None and parameter.kind in _BY_NAME


def is_batch_wise(function: Callable[..., Any]) -> bool:
    """Whether a scorer is marked by ``scorer.batch_scorer``."""
    return bool(getattr(function, "is_batch_scorer", False))


def _imported(key: str, path: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__}: {error}"
        raise CallableError(
            f"{key}: the module of '{path}' cannot be imported ({cause}); install the challenge's "
            "package, or correct the path"
        ) from error


def _check_kind(key: str, path: str, function: Callable[..., Any]) -> None:
    call = getattr(function, "__call__", None)  # noqa: B004 (an object's own __call__ is meant)
    for candidate in (function, call):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            raise CallableError(f"{key}: '{path}' is asynchronous; it must be an ordinary function")
        if inspect.isgeneratorfunction(candidate):
            raise CallableError(f"{key}: '{path}' is a generator; it must return its value")


def _check_parameters(key: str, path: str, function: Callable[..., Any]) -> None:
    wanted = PARAMETERS[key]
    if key == "SCORING_FUNCTION" and is_batch_wise(function):
        wanted = ("frame",)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise CallableError(f"{key}: '{path}' has parameters unknown to Python: {error}") from None
    first = parameters[: len(wanted)]
    fitting = all(parameter.kind in _POSITIONAL for parameter in first)
    if not fitting or tuple(parameter.name for parameter in first) != wanted:
        found = ", ".join(str(parameter).split(":")[0] for parameter in parameters)
        raise CallableError(
            f"{key}: '{path}' must start with parameters ({', '.join(wanted)}), found ({found})"
        )
    for parameter in parameters[len(wanted) :]:
        passed = parameter.name == "context" and key in MAY_TAKE_CONTEXT
        if not passed and parameter.default is parameter.empty and parameter.kind not in _VARIADIC:
            raise CallableError(
                f"{key}: '{path}' needs a default value for its parameter '{parameter.name}': only "
                f"({', '.join(wanted)}) are passed"
            )


def _described(found: Any) -> str:
    kind = "module" if inspect.ismodule(found) else type(found).__name__
    return f"the {kind} '{getattr(found, '__name__', found)}'"
