"""What an author writes: the ten callables, imported once, checked once, adapted to batches.

Add an adapter here when a stage gains an extension point; avoid the engine's own
implementations (they live with their stage) and anything that reads data. Where a key is left
out, the built-in of the original's row-wise contract is used.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from coordinator_pipelines.domain.answer.built_in import BuiltIn
from coordinator_pipelines.domain.author.code import (
    MAY_TAKE_CONTEXT,
    load_callable,
    takes_context,
)
from coordinator_pipelines.domain.author.density_bounds import check_densities
from coordinator_pipelines.domain.author.entity import Entity
from coordinator_pipelines.domain.author.scorer import batch_scorer, scorer_from
from coordinator_pipelines.domain.author.source import source_digest
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.domain.values.errors import CallableError
from coordinator_pipelines.domain.values.json_value import check_json

AuthorCode = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What an author's own provider or resolver may see of the feed: nothing after ``now``.

    A provider is handed the records that could be seen after ``since`` and not after ``now``. A
    resolver is handed those that ended in [``since``, ``now``], both ends included: the prices at
    both ends of its round.
    """

    now: datetime
    """The round's instant; of a resolver, its ``resolvable_at``."""
    since: datetime | None
    """The previous question, None for the history tick; of a resolver, its ``performed_at``."""
    frames: dict[str, pd.DataFrame]
    """Per asset: record columns, ascending by ``ended_at``."""
    table: dict[str, Any] | None = None
    """The feature table of a round that an operator opened, as ``FeatureTable.as_json``."""

    def one_by_one(self) -> Iterator["FeedContext"]:
        """A context for each record: by the ends of records, at one end by asset."""
        empty = {asset: frame.iloc[:0] for asset, frame in self.frames.items()}
        for _, asset, i in sorted(
            (end, asset, i)
            for asset, frame in self.frames.items()
            for i, end in enumerate(frame["ended_at"].to_numpy("datetime64[us]").tolist())
        ):
            yield replace(self, frames={**empty, asset: self.frames[asset].iloc[i : i + 1]})

    def records(self, asset: str) -> pd.DataFrame:
        """The asset's records: ``ended_at, open, high, low, close, volume``."""
        return self.frames[asset]

    def prices(self, asset: str) -> list[tuple[int, float]]:
        """The asset's prices as (unix seconds, price), ascending."""
        frame = self.frames[asset]
        seconds = frame["ended_at"].to_numpy("datetime64[s]").astype("int64")
        return list(zip(seconds.tolist(), frame["close"].tolist(), strict=True))


class Told(NamedTuple):
    """What models are told before a question."""

    ticks: tuple[Any, ...]
    """JSON values for ``tick``, in order; none when nothing is new."""
    input: Any | None
    """The inference input of the round: the one tick, or the list of the ticks of its records."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A challenge's callables, ready for use. None: the engine's own implementation."""

    told: Callable[[FeedContext], Told]
    """What models are told of a context."""
    scope: Callable[[ScheduledPredictionConfig, Any], dict[str, Any]]
    """``{scope_key, scope}`` of one round."""
    call: Callable[[ScheduledPredictionConfig, Any, dict[str, Any]], dict[str, Any]]
    """``{args, kwargs}`` of one round's ``predict``."""
    validate: Callable[[Any], Any]
    """The output to store, always an object; raises if the output is not acceptable."""
    resolve: Callable[[Entity, FeedContext], dict[str, Any] | None] | None
    """An author's own ground truth of one round (a prediction's fields in, truth out)."""
    score: Callable[[pd.DataFrame], pd.DataFrame]
    """Columns ``output, ground_truth`` (dicts), ``entry_price, resolved_price, outcome`` and
    the cell's key in; ``value, success, failed_reason`` out, same index, never raises."""
    scorer: str
    """Path, version and digest of the scorer's source (``module:callable@1+0123456789ab``), stored
    with each score."""
    aggregate: Callable[[list[Entity], dict[str, Entity]], Any] | None
    """As the author wrote it; ``metrics`` calls it and checks what it returns."""
    rank: Callable[[list[dict[str, Any]]], Any] | None
    """As the author wrote it; ``ranking`` calls it and checks what it returns."""
    emit: Callable[[list[dict[str, Any]]], Any] | None
    """As the author wrote it; ``checkpoint.strategies`` calls it and checks what it returns."""
    weigh: Callable[[str, pd.DataFrame], Any] | None
    """As the author wrote it; ``ensemble.weights`` calls it and checks what it returns."""
    not_replayable: tuple[str, ...]
    """The keys of callables that do their own I/O, so that past rounds cannot be replayed."""


def load_rules(challenge: Challenge) -> Rules:
    """The challenge's callables, imported and checked.

    Raises:
        CallableError: one of them cannot be used as its key says, or there is no
            SCORING_FUNCTION; the message names the key.
    """
    code = {key: load_callable(key, path) for key, path in challenge.callables if path}
    built_in, score = BuiltIn.of(challenge), code.get("SCORING_FUNCTION")
    if built_in is not None:
        score, scorer = batch_scorer(partial(BuiltIn.score, built_in)), built_in.scorer
    elif score is not None:
        scorer = _scorer(str(challenge.callables.SCORING_FUNCTION), score)
    else:
        raise CallableError(
            "SCORING_FUNCTION: not configured; a challenge must say how it scores, so name a "
            "'<module>:<callable>' in callables.SCORING_FUNCTION, or a rule in scoring.rule"
        )
    if "REPORT_SCHEMA_PROVIDER" in code:
        _check_report_schema(code["REPORT_SCHEMA_PROVIDER"])
    resolver = code.get("GROUND_TRUTH_RESOLVER")
    if built_in is not None and built_in.scoring.in_steps:
        resolver = built_in.resolve
    own_io = [key for key in MAY_TAKE_CONTEXT if key in code and not takes_context(code[key])]
    by_record = challenge.model_interface.tick_per == "record"
    if by_record and "RAW_INPUT_PROVIDER" in own_io:
        raise CallableError(
            "RAW_INPUT_PROVIDER does its own I/O, so what it brings cannot be told record by "
            "record: let it take a context argument, or leave out model_interface.tick_per"
        )
    return Rules(
        told=partial(
            _record_by_record if by_record else _at_once,
            code.get("RAW_INPUT_PROVIDER"),
            code.get("INFERENCE_INPUT_BUILDER"),
        ),
        scope=partial(_scope, code.get("PREDICTION_SCOPE_BUILDER")),
        call=partial(_call, challenge.model_interface, code.get("PREDICT_CALL_BUILDER")),
        validate=partial(
            _validated,
            code.get("INFERENCE_OUTPUT_VALIDATOR"),
            challenge.limits.density_bound,
            built_in.check if built_in else None,
        ),
        resolve=partial(_resolved, resolver) if resolver else None,
        score=scorer_from(score),
        scorer=scorer,
        aggregate=code.get("MODEL_SCORE_AGGREGATOR"),
        rank=code.get("LEADERBOARD_RANKER"),
        emit=code.get("EMISSION_STRATEGY"),
        weigh=code.get("ENSEMBLE_WEIGHTS"),
        not_replayable=tuple(own_io),
    )


def _scorer(path: str, function: AuthorCode) -> str:
    named = f"{path}@{getattr(function, 'version', 1)}"
    digest = source_digest(function)
    return f"{named}+{digest}" if digest else named


def _at_once(provider: AuthorCode | None, builder: AuthorCode | None, context: FeedContext) -> Told:
    raw = context.table or _prices(context) if provider is None else _provided(provider, context)
    data = _built(provider, builder, raw)
    return Told(() if data is None else (data,), data)


def _record_by_record(
    provider: AuthorCode | None, builder: AuthorCode | None, context: FeedContext
) -> Told:
    raws: Iterable[Any]
    if provider is None:
        prices = _prices(context) or {}
        points = [(asset, point) for asset, own in sorted(prices.items()) for point in own]
        raws = ({asset: [point]} for asset, point in sorted(points, key=lambda each: each[1][0]))
    else:
        raws = (_provided(provider, one) for one in context.one_by_one())
    built = (_built(provider, builder, raw) for raw in raws)
    ticks = tuple(data for data in built if data is not None)
    return Told(ticks, list(ticks) or None)


def _provided(provider: AuthorCode, context: FeedContext) -> Any | None:
    arguments = {"context": context} if takes_context(provider) else {}
    return _asked("RAW_INPUT_PROVIDER", provider, context.now, **arguments)


def _built(provider: AuthorCode | None, builder: AuthorCode | None, raw: Any | None) -> Any | None:
    """What ``tick`` gets; the original's identity where there is no builder."""
    if raw is None or (provider is None and builder is None):
        return raw
    key = "RAW_INPUT_PROVIDER"
    if builder is not None:
        key, raw = "INFERENCE_INPUT_BUILDER", _asked("INFERENCE_INPUT_BUILDER", builder, raw)
    return raw if raw is None else _object(key, raw)


def _prices(context: FeedContext) -> dict[str, list[list[float]]] | None:
    """``{asset: [[unix seconds, price], ...]}`` of the assets with something new, or None."""
    prices = {
        asset: [list(point) for point in context.prices(asset)]
        for asset, frame in context.frames.items()
        if len(frame)
    }
    return prices or None


def _scope(
    builder: AuthorCode | None, config: ScheduledPredictionConfig, inference_input: Any
) -> dict[str, Any]:
    if builder is None:
        return {"scope_key": config.scope_key, "scope": config.scope}
    key = "PREDICTION_SCOPE_BUILDER"
    result = _asked(key, builder, config.model_dump(), inference_input)
    return _object(key, result, scope_key=str, scope=dict)


def _call(
    shape: CallShape,
    builder: AuthorCode | None,
    config: ScheduledPredictionConfig,
    inference_input: Any,
    scope: dict[str, Any],
) -> dict[str, Any]:
    if builder is None:
        return shape.arguments({**config.scope, **scope["scope"]}, inference_input)
    key = "PREDICT_CALL_BUILDER"
    result = _asked(key, builder, config.model_dump(), inference_input, copy.deepcopy(scope))
    return _object(key, result, args=list, kwargs=dict)


def _validated(
    validator: AuthorCode | None,
    density_bound: float,
    check: Callable[[Any], None] | None,
    output: Any,
) -> dict[str, Any]:
    """The output to store; an output that is no object becomes ``{"result": output}``.

    The validator gets a copy, so that the raw output stays what the model returned. ``check``
    refuses what a built-in rule cannot score.
    """
    check_densities(output, density_bound)
    kept = output if isinstance(output, dict) else {"result": output}
    if validator is not None:
        accepted = validator(copy.deepcopy(kept))
        kept = kept if accepted is None else accepted
    if not isinstance(kept, dict):
        raise ValueError(f"INFERENCE_OUTPUT_VALIDATOR returned a {type(kept).__name__}, no object")
    check_json(kept)
    if check is not None:
        check(kept)
    return kept


def _resolved(
    resolver: AuthorCode, prediction: Entity, context: FeedContext
) -> dict[str, Any] | None:
    arguments = {"context": context} if takes_context(resolver) else {}
    truth = resolver(prediction, **arguments)
    return None if truth is None else _object("GROUND_TRUTH_RESOLVER", truth)


def _check_report_schema(provider: AuthorCode) -> None:
    key = "REPORT_SCHEMA_PROVIDER"
    schema = _object(key, _asked(key, provider), leaderboard_columns=list, metrics_widgets=list)
    if "schema_version" not in schema:
        raise CallableError(f"{key} returned an object without 'schema_version'")


def _asked(key: str, function: AuthorCode, *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except Exception as error:
        raise CallableError(f"{key} raised {type(error).__name__}: {error}") from error


def _object(key: str, value: Any, **wanted: type) -> dict[str, Any]:
    """The value, if it is a JSON object with the wanted fields."""
    if not isinstance(value, dict):
        raise CallableError(f"{key} returned a {type(value).__name__}, not an object")
    for field, kind in wanted.items():
        if field not in value:
            raise CallableError(f"{key} returned an object without '{field}'")
        if not isinstance(value[field], (list, tuple) if kind is list else kind):
            found = type(value[field]).__name__
            raise CallableError(f"{key} returned a {found} as '{field}', not a {kind.__name__}")
    try:
        check_json(value)
    except ValueError as error:
        raise CallableError(f"{key} returned a value that is not storable JSON: {error}") from None
    return value
