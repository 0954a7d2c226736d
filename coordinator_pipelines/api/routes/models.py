"""``/reports/models``: who takes part.

Add here what is told of a model; avoid its scores (``score_points``).
"""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Answer, Sieve, answered, next_page
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.names import Name
from coordinator_pipelines.api.http.parameters import AskedMode, Limit, Offset
from coordinator_pipelines.api.http.problems import documented
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER
from coordinator_pipelines.domain.membership.standing import histories

routes = APIRouter(tags=["models"])


class ModelRow(Answer):
    """One model that takes part, or did."""

    model_id: str = Field(examples=["momentum"])
    model_name: Name
    cruncher_name: Name = Field(description="The owner's display name")
    cruncher_id: str = Field(description="The owner's account; names can be shared, this cannot")
    deployment_id: str = Field(description="Digest of the model's files")
    status: Literal["active", "left"]
    joined_at: ZonedTime
    left_at: ZonedTime | None


@routes.get(
    "/reports/models",
    response_model=list[ModelRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def models(
    request: Request, context: Ctx, mode: AskedMode, limit: Limit = 10_000, offset: Offset = 0
) -> Response:
    """Every model that has ever taken part: at least all that are on any leaderboard.

    In the order in which they joined, so that a new one is on the last page. If there are more,
    the header `Link` names the next page.
    """
    rows, skipped = model_rows(context, mode)
    told, end = rows[offset : offset + limit], offset + limit
    more = next_page(request, mode=mode, offset=end) if end < len(rows) else None
    return answered(request, told, skipped=skipped, headers=more)


def model_rows(context: Context, mode: Mode) -> tuple[list[ModelRow], int]:
    """All models of a mode as they joined, and how many could not be told."""
    memberships = context.reports.memberships(mode)
    newest = memberships.drop_duplicates("model_id", keep="last")
    hashes = dict(zip(newest["model_id"], newest["code_hash"], strict=True))
    sieve = Sieve(context, "models")
    rows = sieve.rows(histories(memberships), lambda model: _row(model, hashes))
    return sorted(rows, key=lambda row: (row.joined_at, row.model_id)), sieve.skipped


def _row(model: Any, hashes: dict[str, str | None]) -> ModelRow:
    last = model.stays[-1]
    return ModelRow(
        model_id=model.model_id,
        model_name=last.name or model.model_id,
        cruncher_name=last.owner or UNKNOWN_OWNER,
        cruncher_id=last.owner_id or UNKNOWN_OWNER,
        deployment_id=hashes.get(model.model_id) or "",
        status="active" if last.left_at is None else "left",
        joined_at=model.stays[0].joined_at,
        left_at=last.left_at,
    )
