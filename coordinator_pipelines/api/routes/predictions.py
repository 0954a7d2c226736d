"""``/reports/predictions``: what became of single predictions, asked or not, scored or not.

Add here what is told of one prediction; avoid bulk downloads (``export``). What a model answered
is not told here, and why it failed only to its owner: other participants can read this.
"""

from functools import partial
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, JsonValue

from coordinator_pipelines.api.http.access import PUBLIC, AnyCaller, Caller
from coordinator_pipelines.api.http.answers import Answer, Sieve, answered, next_page, records
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import (
    AskedMode,
    AskedModels,
    AskedSpan,
    Span,
    known_models,
)
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.http.times import ChartTime
from coordinator_pipelines.api.scopes import Scope, scopes
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.doors.report import Page, scored_cells

routes = APIRouter(tags=["predictions"])

PUBLIC_REASONS = {
    Outcome.FAILED: "the model failed or its answer was not valid",
    Outcome.TIMEOUT: "the model did not answer in time",
    Outcome.ABSTAINED: "the model abstained",
    Outcome.ABSENT: "the model was not there to be asked",
}
REFUSED = "the answer could not be scored"
NOT_COUNTED = "the outcome of this round does not count"


class PredictionRow(Answer):
    """One model in one round."""

    prediction_id: str
    model_id: str
    prediction_config_id: str
    scope_key: str
    scope: dict[str, JsonValue]
    asset: str | None
    horizon: int | None
    step: int | None
    param: str | None
    status: Outcome
    score_state: Literal["pending", "scored", "imputed", "excluded", "withdrawn"]
    score_value: float | None = Field(description="What counts; null if nothing does (yet)")
    score_success: bool | None = Field(description="Whether the model's own answer was scored")
    score_failed: bool
    score_failed_reason: str | None
    scored_at: ChartTime | None
    performed_at: ChartTime
    resolvable_at: ChartTime
    exec_time_ms: float | None


@routes.get(
    "/reports/predictions",
    response_model=list[PredictionRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def predictions(
    request: Request,
    context: Ctx,
    caller: AnyCaller,
    mode: AskedMode,
    models: AskedModels,
    span: AskedSpan,
    limit: Annotated[
        int,
        Query(ge=1, le=20_000, description="Most rows; one round is never split, however large"),
    ] = 10_000,
) -> Response:
    """The newest predictions of a range (`start <= performed_at < end`), oldest first.

    If there are more, the header `Link` names the page of the earlier ones.
    """
    _, chosen = known_models(context, mode, models)
    page, cells = prediction_cells(context, mode, span, chosen, limit)
    sieve = Sieve(context, "predictions")
    owners = _owners(context, mode) if caller.tier != "public" else {}
    configs = scopes(context)
    told = sieve.rows(records(cells), partial(_row, caller, owners, configs.by_config))
    earlier = {"mode": mode, "start": span.start, "end": page.earlier}
    headers = next_page(request, **earlier) if page.earlier else None
    return answered(request, told, skipped=sieve.skipped + configs.skipped, headers=headers)


def prediction_cells(
    context: Context,
    mode: Mode,
    span: Span,
    models: list[str] | None,
    limit: int,
    *,
    outputs: bool = False,
) -> tuple[Page, pd.DataFrame]:
    """A page of predictions, and what became of each (``domain.doors.report.scored_cells``)."""
    reports = context.reports
    page = reports.prediction_page(mode, span.start, span.end, models, limit=limit, outputs=outputs)
    start = page.rows["performed_at"].min() if len(page.rows) else span.end
    scores = reports.reported_scores(mode, start, span.end, models)
    return page, scored_cells(page.rows, scores, reports.ground_truths(start, span.end))


def _row(
    caller: Caller, owners: dict[str, str], configs: dict[str, Scope], cell: dict[str, Any]
) -> PredictionRow:
    scope = configs.get(cell["prediction_config_id"])
    state, status = cell["score_state"], Outcome(cell["status"])
    told = state in ("scored", "imputed", "excluded")
    success = bool(cell["success"]) if told else None
    failed = status is not Outcome.SUCCESS if success is None else not success
    inside = caller.sees_inside(owners.get(cell["model_id"]))
    return PredictionRow(
        prediction_id=cell["id"],
        model_id=cell["model_id"],
        prediction_config_id=cell["prediction_config_id"],
        scope_key=cell["scope_key"],
        scope=scope.scope if scope else {},
        asset=scope.asset if scope else None,
        horizon=scope.horizon if scope else None,
        step=scope.step if scope else None,
        param=scope.param if scope else None,
        status=status,
        score_state=state,
        score_value=cell["value"],
        score_success=success,
        score_failed=failed,
        score_failed_reason=_reason(cell, failed, inside),
        scored_at=cell["scored_at"],
        performed_at=cell["performed_at"],
        resolvable_at=cell["resolvable_at"],
        exec_time_ms=cell["exec_time_ms"],
    )


def _reason(cell: dict[str, Any], failed: bool, inside: bool) -> str | None:
    if cell["score_state"] == "withdrawn":
        return NOT_COUNTED
    if not failed:
        return None
    own = cell["failed_reason"] or cell["score_reason"]
    if inside and own:
        return str(own)
    return PUBLIC_REASONS.get(Outcome(cell["status"]), REFUSED)


def _owners(context: Context, mode: Mode) -> dict[str, str]:
    newest = context.reports.memberships(mode).drop_duplicates("model_id", keep="last")
    return dict(zip(newest["model_id"], newest["owner_id"], strict=True))
