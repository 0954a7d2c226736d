"""``/signals/ensemble`` and ``/reports/ensemble/history``: what ensembles say, said and were worth.

Add here how signals are found; avoid what a row says (``api.signals``) and computing them
(``domain.ensemble``).

Signals of rounds that are not resolved are the product that a challenge makes: they are for those
who have a key, once there are keys.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Path, Query, Request, Response

from coordinator_pipelines.api.http.access import PUBLIC, READ
from coordinator_pipelines.api.http.answers import Sieve, answered_with, as_json, records
from coordinator_pipelines.api.http.context import START_OF_TIME, Context, Ctx
from coordinator_pipelines.api.http.parameters import EXAMPLE_INSTANT, AskedMode, Instant, Span
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.routes.score_points import point_instants
from coordinator_pipelines.api.signals import (
    EnsembleNow,
    EnsemblePoint,
    PastSignal,
    Signal,
    ensemble_point,
    past_signal,
    signal,
)
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.report import resolved
from coordinator_pipelines.domain.ensemble.ensemble import stored_weights
from coordinator_pipelines.domain.ensemble.signal import signal_of_round
from coordinator_pipelines.domain.ensemble.weights import Weights, everybody
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.timeline.instant import SECOND

routes = APIRouter(tags=["ensembles"])

DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=7)
LONGEST = timedelta(days=31)
MOST_WINDOWS = 3000
"""Batch windows in it, of the shortest that there are."""

Ensemble = Annotated[
    str, Path(max_length=100, description="An ensemble's name in the spec", examples=["mean"])
]
Since = Annotated[
    Instant | None,
    Query(description="With a zone; 7 days before the end", examples=[EXAMPLE_INSTANT]),
]
Until = Annotated[Instant | None, Query(description="With a zone; the newest if left out")]
Rows = Annotated[int, Query(ge=1, le=500, description="Most rows, the newest")]


@routes.get(
    "/signals/ensemble",
    response_model=list[EnsembleNow],
    responses=documented(401),
    dependencies=[READ],
)
def ensembles_now(request: Request, context: Ctx, mode: AskedMode) -> Response:
    """All ensembles of the challenge, and what each says in the newest rounds."""
    key = ("signals", mode)
    body, skipped = context.moment.shared(key, partial(_all_now, context, mode))
    return answered_with(request, body, skipped=skipped)


@routes.get(
    "/signals/ensemble/{name}",
    response_model=EnsembleNow,
    responses=documented(401, 404),
    dependencies=[READ],
)
def ensemble_now(request: Request, context: Ctx, mode: AskedMode, name: Ensemble) -> Response:
    """One ensemble, and what it says in the newest rounds."""
    spec = _known(context, name)
    key = ("signals", mode, name)
    body, skipped = context.moment.shared(key, partial(_one_now, context, mode, spec))
    return answered_with(request, body, skipped=skipped)


@routes.get(
    "/signals/ensemble/{name}/history",
    response_model=list[PastSignal],
    responses=documented(401, 404),
    dependencies=[READ],
)
def signal_history(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    name: Ensemble,
    since: Since = None,
    until: Until = None,
    limit: Rows = 100,
) -> Response:
    """What an ensemble said in rounds that are resolved, the newest first; at most 31 days."""
    spec, span = _known(context, name), _span(context, mode, since, until)
    key = ("signal history", mode, name, span, limit)
    body, skipped = context.moment.shared(key, partial(_past, context, mode, spec, span, limit))
    return answered_with(request, body, skipped=skipped)


@routes.get(
    "/reports/ensemble/history",
    response_model=list[EnsemblePoint],
    responses=documented(404),
    dependencies=[PUBLIC],
)
def ensemble_history(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    ensemble_name: Annotated[
        str | None, Query(max_length=100, description="One ensemble; all if left out")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Rows = 100,
) -> Response:
    """The metrics of ensembles over time, the newest first; at most 31 days."""
    known = context.challenge.ensembles
    chosen = known if ensemble_name is None else [_known(context, ensemble_name)]
    span = _span(context, mode, since, until)
    key = ("ensemble history", mode, ensemble_name, span, limit)
    work = partial(_points, context, mode, chosen, span, limit)
    body, skipped = context.moment.shared(key, work)
    return answered_with(request, body, skipped=skipped)


def _known(context: Context, name: str) -> EnsembleSpec:
    for spec in context.challenge.ensembles:
        if spec.name == name:
            return spec
    names = ", ".join(spec.name for spec in context.challenge.ensembles) or "none"
    raise Refusal(404, f"there is no ensemble {name[:80]!r}; the spec has: {names}")


def _span(context: Context, mode: Mode, since: datetime | None, until: datetime | None) -> Span:
    end = context.latest(mode) if until is None else until
    start = max(end - LOOK_BACK, START_OF_TIME) if since is None else since
    if start > end:
        raise Refusal(422, f"since ({start.isoformat()}) is after until ({end.isoformat()})")
    if end - start > LONGEST:
        raise Refusal(422, f"since to until is more than {LONGEST.days} days; ask for less")
    return Span(start, end)


def _all_now(context: Context, mode: Mode) -> tuple[bytes, int]:
    sieve = Sieve(context, "ensembles")
    told = [_now(context, mode, spec, sieve) for spec in context.challenge.ensembles]
    return as_json(told), sieve.skipped


def _one_now(context: Context, mode: Mode, spec: EnsembleSpec) -> tuple[bytes, int]:
    sieve = Sieve(context, "ensembles")
    return as_json(_now(context, mode, spec, sieve)), sieve.skipped


def _now(context: Context, mode: Mode, spec: EnsembleSpec, sieve: Sieve) -> EnsembleNow:
    newest = (_newest(context, mode, config.id) for config in context.challenge.configs)
    told = sieve.rows([rows for rows in newest if len(rows)], partial(_signal, context, mode, spec))
    return EnsembleNow(
        ensemble_name=spec.name, model_id=spec.model_id, strategy=spec.strategy, signals=told
    )


def _newest(context: Context, mode: Mode, config: str) -> pd.DataFrame:
    """The answers to the newest round of a config, read once for all ensembles."""
    end = context.latest(mode)
    return context.moment.shared(
        ("newest answers", mode, config),
        lambda: context.reports.newest_answers(mode, config, end - LOOK_BACK, end),
    )


def _signal(context: Context, mode: Mode, spec: EnsembleSpec, rows: pd.DataFrame) -> Signal:
    performed_at = rows["performed_at"].iloc[0].to_pydatetime()
    truths = context.reports.ground_truths(performed_at, performed_at + SECOND)
    is_resolved = bool(resolved(rows, truths).all())

    def weights_at(as_of: datetime) -> Weights | None:
        if not spec.looks_back:
            return everybody(as_of)
        stored = context.reports.ensemble_weights(mode, [as_of])
        own = stored[stored["model_id"] == spec.model_id]
        return stored_weights(as_of, own["weights_json"].iloc[0]) if len(own) else None

    said = signal_of_round(context.challenge, spec, rows, weights_at, is_resolved=is_resolved)
    return signal(context.challenge, spec, rows, said, resolved=is_resolved)


def _past(
    context: Context, mode: Mode, spec: EnsembleSpec, span: Span, limit: int
) -> tuple[bytes, int]:
    """The newest answers of a range, read day by day from its end."""
    sieve = Sieve(context, "ensembles")
    told: list[PastSignal] = []
    end = span.end
    while end > span.start and len(told) < limit:
        start = max(span.start, end - DAY)
        rows = context.reports.ensemble_answers(mode, start, end)
        rows = rows[rows["model_id"] == spec.model_id]
        rows = rows.sort_values(["performed_at", "prediction_config_id"], ascending=False)
        stored = records(rows.head(limit - len(told)))
        told += sieve.rows(stored, partial(past_signal, context.challenge, spec))
        end = start
    return as_json(told), sieve.skipped


def _points(
    context: Context, mode: Mode, chosen: Sequence[EnsembleSpec], span: Span, limit: int
) -> tuple[bytes, int]:
    if not chosen:
        return as_json([]), 0
    sieve = Sieve(context, "model_scores")
    instants = point_instants(context, mode, span, MOST_WINDOWS)[-limit:]
    specs = {spec.model_id: spec for spec in chosen}
    stored = records(context.reports.score_points(mode, instants, list(specs), payload=False))
    told = sieve.rows(stored, lambda row: ensemble_point(specs[row["model_id"]], row))
    told.sort(key=lambda point: (point.as_of, point.model_id), reverse=True)
    return as_json(told[:limit]), sieve.skipped
