"""``/reports/seasons``: which seasons there are, and which of them are closed.

Avoid what a row says (``api.season``).
"""

from fastapi import APIRouter, Request, Response

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import answered
from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.season import SeasonRow, season_row, seasons_told

routes = APIRouter(tags=["leaderboard"])


@routes.get(
    "/reports/seasons",
    response_model=list[SeasonRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def seasons(request: Request, context: Ctx) -> Response:
    """All seasons by their start, with their states; empty if the challenge has none."""
    return answered(request, [season_row(season) for season in seasons_told(context)])
