"""``/reports/predictions``: what became of single predictions, asked or not, scored or not.

Add here which predictions are told; avoid what is told of each (``prediction_rows``) and bulk
downloads (``export``).
"""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from coordinator_pipelines.api.http.access import PUBLIC, AnyCaller, Caller
from coordinator_pipelines.api.http.answers import Sieve, answered_with, as_json, next_page
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import (
    AskedMode,
    AskedModels,
    AskedSpan,
    known_models,
)
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.prediction_rows import PredictionRow, prediction_rows
from coordinator_pipelines.api.scopes import scopes
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.report import Bounds

routes = APIRouter(tags=["predictions"])


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
    bounds = context.reports.prediction_bounds(mode, span.start, span.end, chosen, limit)
    if bounds is None:
        return answered_with(request, as_json([]))
    key = ("predictions", mode, bounds, tuple(chosen or ()), chosen is None, caller)
    body, skipped = context.moment.shared(
        key, partial(_body, context, mode, bounds, chosen, caller)
    )
    earlier = {"mode": mode, "start": span.start, "end": bounds.first}
    headers = next_page(request, **earlier) if bounds.has_earlier else {}
    return answered_with(request, body, skipped=skipped, headers=headers)


def _body(
    context: Context, mode: Mode, bounds: Bounds, models: list[str] | None, caller: Caller
) -> tuple[bytes, int]:
    """The predictions of a page as JSON, and how many could not be told."""
    cells = context.reports.reported_cells(mode, bounds.first, bounds.end, models)
    sieve = Sieve(context, "predictions")
    owners = _owners(context, mode) if caller.tier != "public" else {}
    configs = scopes(context)
    told = prediction_rows(caller, owners, configs.by_config, cells, sieve)
    return as_json(told), sieve.skipped + configs.skipped


def _owners(context: Context, mode: Mode) -> dict[str, str]:
    newest = context.reports.memberships(mode).drop_duplicates("model_id", keep="last")
    return dict(zip(newest["model_id"], newest["owner_id"], strict=True))
