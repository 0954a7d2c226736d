"""Model scores over time: a point per model and batch window, for charts and for computing.

Add here another cut of model scores; avoid single predictions (``predictions``).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, JsonValue

from coordinator_pipelines.api.board import MetricsRow, Ranking, flat_metrics
from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Answer, Sieve, answered_with, as_json, records
from coordinator_pipelines.api.http.context import END_OF_TIME, START_OF_TIME, Context, Ctx
from coordinator_pipelines.api.http.parameters import (
    AskedMode,
    AskedModels,
    AskedSpan,
    Span,
    WithEnsembles,
    known_models,
)
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.http.times import ChartTime, ZonedTime
from coordinator_pipelines.api.scopes import Scope, scopes
from coordinator_pipelines.api.stored import json_object
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.timeline.instant import from_epoch

routes = APIRouter(tags=["models"])

MOST_ROWS = 50_000
"""Rows of one answer, about 5 s of work; the points of each model are thinned out to fit."""


class GlobalPoint(MetricsRow):
    """One model at one instant, all prediction configs together."""

    model_id: str
    asset: str | None
    horizon: int | None
    param: str
    score_metrics: dict[str, float | None]
    score_ranking: Ranking
    performed_at: ChartTime


class ParamPoint(MetricsRow):
    """One model at one instant, in one prediction config."""

    model_id: str
    prediction_config_id: str
    scope_key: str
    scope: dict[str, JsonValue]
    asset: str
    horizon: int
    step: int
    param: str
    score_metrics: dict[str, float | None]
    score_ranking: Ranking
    performed_at: ChartTime


class Snapshot(Answer):
    """One model at one instant, with everything that is stored of it."""

    model_id: str
    as_of: ZonedTime
    version: int
    metrics: dict[str, float | None]
    payload: dict[str, JsonValue]
    content_hash: str | None
    created_at: ZonedTime


@dataclass(frozen=True, slots=True)
class Asked:
    """Which points are asked for."""

    mode: Mode
    models: Sequence[str] | None
    span: Span
    points: int
    ensembles: bool


@dataclass(frozen=True, slots=True)
class Points:
    """Which points are told, of these models."""

    mode: Mode
    instants: Sequence[datetime]
    models: Sequence[str]


Made = Callable[[Context, Points, Sieve], Sequence[BaseModel]]
"""What makes the rows of an answer, and counts those that cannot be told."""


def _asked(
    mode: AskedMode,
    models: AskedModels,
    span: AskedSpan,
    points: Annotated[
        int,
        Query(
            ge=2,
            le=10_000,
            description="Most points per model. Above that every second, third, ... batch window "
            "is told, always the same ones, and the newest.",
        ),
    ] = 1000,
    ensembles: WithEnsembles = False,
) -> Asked:
    return Asked(mode, models, span, points, ensembles)


AskedPoints = Annotated[Asked, Depends(_asked)]


@routes.get(
    "/reports/models/global",
    response_model=list[GlobalPoint],
    responses=documented(),
    dependencies=[PUBLIC],
)
def global_points(request: Request, context: Ctx, asked: AskedPoints) -> Response:
    """The metrics of each model over time: one row per model and batch window."""
    return _told(request, context, asked, _global_points)


@routes.get(
    "/reports/models/params",
    response_model=list[ParamPoint],
    responses=documented(),
    dependencies=[PUBLIC],
)
def param_points(request: Request, context: Ctx, asked: AskedPoints) -> Response:
    """The metrics of each model over time, a row for each prediction config."""
    rows_each = max(1, scopes(context).count)
    return _told(request, context, asked, _param_points, rows_each)


@routes.get(
    "/reports/snapshots",
    response_model=list[Snapshot],
    responses=documented(),
    dependencies=[PUBLIC],
)
def snapshots(request: Request, context: Ctx, asked: AskedPoints) -> Response:
    """Everything that is stored of each model over time: counts, outcomes and coverage too."""
    return _told(request, context, asked, _snapshots)


def newest_points(context: Context, mode: Mode) -> list[Snapshot]:
    """What is stored of each model at the newest instant that has model scores."""
    extent = context.reports.scored_extent(mode, START_OF_TIME, END_OF_TIME)
    if not extent:
        return []
    models, _ = known_models(context, mode, None)
    stored = context.reports.score_points(mode, extent[-1:], models, payload=True)
    return Sieve(context, "model_scores").rows(records(stored), _snapshot)


def point_instants(context: Context, mode: Mode, span: Span, most: int) -> list[datetime]:
    """The ends of batch windows in a range that may have model scores, and the newest instant.

    At most ``most``: if there are more windows, every second, third, ... counted from the epoch,
    so that a chart that is drawn again keeps its points.
    """
    extent = context.reports.scored_extent(mode, span.start, span.end)
    if not extent:
        return []
    first, last = extent
    length = int(context.challenge.window_length.total_seconds())
    begin, end = -(-math.ceil(first.timestamp()) // length), int(last.timestamp()) // length
    stride = max(1, -(-(end - begin + 1) // max(1, most - 1)))
    begin = -(-begin // stride) * stride
    ends = [from_epoch(number * length) for number in range(begin, end + 1, stride)]
    return ends if ends and ends[-1] == last else [*ends, last]


def _told(
    request: Request, context: Context, asked: Asked, make: Made, rows_each: int = 1
) -> Response:
    """What ``make`` tells of the points, thinned out to at most about MOST_ROWS rows.

    Ranges that hold the same points are told the same, whatever their ends.
    """
    known, _ = known_models(context, asked.mode, asked.models, ensembles=asked.ensembles)
    most = min(asked.points, max(2, MOST_ROWS // (max(1, len(known)) * rows_each)))
    instants = point_instants(context, asked.mode, asked.span, most) if known else []
    key = (make, asked.mode, tuple(instants), tuple(known))
    work = partial(_body, context, Points(asked.mode, instants, known), make)
    body, skipped = context.moment.shared(key, work)
    return answered_with(request, body, skipped=skipped)


def _body(context: Context, points: Points, make: Made) -> tuple[bytes, int]:
    """The points as JSON, and how many could not be told."""
    sieve = Sieve(context, "model_scores")
    told = make(context, points, sieve)
    return as_json(told), sieve.skipped


def _stored(context: Context, points: Points, *, payload: bool) -> list[dict[str, Any]]:
    if not points.instants:
        return []
    asked = (points.mode, points.instants, points.models)
    return records(context.reports.score_points(*asked, payload=payload))


def _global_points(context: Context, points: Points, sieve: Sieve) -> Sequence[BaseModel]:
    configs = scopes(context)
    build = partial(_global_point, context, configs.only)
    told = sieve.rows(_stored(context, points, payload=False), build)
    sieve.skipped += configs.skipped
    return told


def _param_points(context: Context, points: Points, sieve: Sieve) -> Sequence[BaseModel]:
    configs, stored = scopes(context), _stored(context, points, payload=True)
    parts = [part for row in stored for part in sieve.one(row, _by_config) or ()]
    told = sieve.rows(parts, partial(_param_point, context, configs.by_config))
    sieve.skipped += configs.skipped
    return told


def _snapshots(context: Context, points: Points, sieve: Sieve) -> Sequence[BaseModel]:
    return sieve.rows(_stored(context, points, payload=True), _snapshot)


def _global_point(context: Context, only: Scope | None, row: dict[str, Any]) -> GlobalPoint:
    metrics = json_object(row["metrics_json"])
    return GlobalPoint(
        model_id=row["model_id"],
        asset=only.asset if only else None,
        horizon=only.horizon if only else None,
        param=only.param if only else "all",
        score_metrics=metrics,
        score_ranking=_ranking(context, metrics),
        performed_at=row["as_of"],
        **flat_metrics([metric.name for metric in context.challenge.metrics], metrics),
    )


def _by_config(row: dict[str, Any]) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """A stored row's metrics per prediction config."""
    values: dict[str, dict[str, Any]] = {}
    for window in json_object(row["payload_json"])["windows"].values():
        for config, told in window["by_config"].items():
            metrics = {name: value for name, value in told.items() if name != "n"}
            values.setdefault(config, {}).update(metrics)
    return [(row, config, metrics) for config, metrics in values.items()]


def _param_point(
    context: Context,
    configs: dict[str, Scope],
    part: tuple[dict[str, Any], str, dict[str, Any]],
) -> ParamPoint:
    row, config, metrics = part
    scope = configs[config]
    return ParamPoint(
        model_id=row["model_id"],
        prediction_config_id=config,
        scope_key=scope.scope_key,
        scope=scope.scope,
        asset=scope.asset,
        horizon=scope.horizon,
        step=scope.step,
        param=scope.param,
        score_metrics=metrics,
        score_ranking=_ranking(context, metrics),
        performed_at=row["as_of"],
        **flat_metrics(list(metrics), metrics),
    )


def _snapshot(row: dict[str, Any]) -> Snapshot:
    return Snapshot(
        model_id=row["model_id"],
        as_of=row["as_of"],
        version=row["version"],
        metrics=json_object(row["metrics_json"]),
        payload=json_object(row["payload_json"]),
        content_hash=row["content_hash"],
        created_at=row["created_at"],
    )


def _ranking(context: Context, metrics: dict[str, Any]) -> Ranking:
    ranking = context.challenge.ranking
    return Ranking(
        key=ranking.key,
        value=metrics.get(ranking.key),
        direction=ranking.direction,
        tie_breakers=list(ranking.tie_breakers),
    )
