"""``/reports/diversity``: how much each model says that the others do not.

Avoid what a row says (``api.diversity``).
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from coordinator_pipelines.api.board import UNRANKED
from coordinator_pipelines.api.diversity import DiversityRow, diversity, statistic_names
from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import answered
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import AskedMode
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.routes.leaderboard import find_board
from coordinator_pipelines.api.routes.score_points import newest_points
from coordinator_pipelines.domain.doors.ledger import Mode

routes = APIRouter(tags=["models"])

ModelId = Annotated[str, Path(max_length=200, description="A model's id")]


@routes.get(
    "/reports/diversity",
    response_model=list[DiversityRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def diversities(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    limit: Annotated[int, Query(ge=1, le=200, description="Most models")] = 50,
) -> Response:
    """The models with the newest metrics, by rank, the unranked ones last."""
    return answered(request, _rows(context, mode)[:limit])


@routes.get(
    "/reports/models/{model_id}/diversity",
    response_model=DiversityRow,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def one_diversity(request: Request, context: Ctx, mode: AskedMode, model_id: ModelId) -> Response:
    """One model, and what would make it more useful to the others."""
    for row in _rows(context, mode):
        if row.model_id == model_id:
            return answered(request, row)
    raise Refusal(404, f"there are no {mode} metrics of a model {model_id[:80]!r}")


def _rows(context: Context, mode: Mode) -> list[DiversityRow]:
    return context.moment.shared(("diversity", mode), lambda: _made(context, mode))


def _made(context: Context, mode: Mode) -> list[DiversityRow]:
    board = find_board(context, mode, None)
    ranks = {row.model_id: row.rank for row in board.rows if row.rank != UNRANKED} if board else {}
    names = statistic_names(context.challenge)
    rows = [
        DiversityRow(
            model_id=point.model_id,
            rank=ranks.get(point.model_id),
            snapshot_period_end=point.as_of,
            **diversity(point.metrics, names),
        )
        for point in newest_points(context, mode)
    ]
    return sorted(rows, key=lambda row: (row.rank is None, row.rank, row.model_id))
