"""``/reports/schema``: what a front end shows of the challenge.

Add here another part of the schema; avoid the schema itself (``schema.report``).
"""

from fastapi import APIRouter, Request, Response

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import answered
from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.schema.report import LeaderboardColumn, MetricsWidget, ReportSchema

routes = APIRouter(tags=["schema"])


@routes.get(
    "/reports/schema", response_model=ReportSchema, responses=documented(), dependencies=[PUBLIC]
)
def schema(request: Request, context: Ctx) -> Response:
    """Columns of the leaderboard and charts."""
    return answered(request, context.schema, only_set=True)


@routes.get(
    "/reports/schema/leaderboard-columns",
    response_model=list[LeaderboardColumn],
    responses=documented(),
    dependencies=[PUBLIC],
)
def leaderboard_columns(request: Request, context: Ctx) -> Response:
    """Columns of the leaderboard."""
    return answered(request, context.schema.leaderboard_columns, only_set=True)


@routes.get(
    "/reports/schema/metrics-widgets",
    response_model=list[MetricsWidget],
    responses=documented(),
    dependencies=[PUBLIC],
)
def metrics_widgets(request: Request, context: Ctx) -> Response:
    """Charts."""
    return answered(request, context.schema.metrics_widgets, only_set=True)
