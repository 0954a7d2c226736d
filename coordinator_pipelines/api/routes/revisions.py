"""``/reports/revisions``: final boards that came out otherwise later, who moved, and why.

Add here how a revision is found; avoid what its rows say (``api.revision``).
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Sieve, answered, records
from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.parameters import EXAMPLE_INSTANT, AskedMode, Instant
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.revision import Revision, RevisionRow, revision, revision_row

routes = APIRouter(tags=["revisions"])

NEWEST = "latest"
Id = Annotated[
    str, Path(max_length=100, description=f"Id of a revision, or `{NEWEST}`", examples=[NEWEST])
]
Boards = Annotated[int, Query(ge=1, le=1000, description="Of so many newest revised boards")]
Before = Annotated[
    Instant | None, Query(description="Only of boards before it", examples=[EXAMPLE_INSTANT])
]


@routes.get(
    "/reports/revisions",
    response_model=list[RevisionRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def revisions(
    request: Request, context: Ctx, mode: AskedMode, before: Before = None, limit: Boards = 100
) -> Response:
    """The newest boards that superseded a final one, each version of them, the newest first."""
    stored = context.reports.revisions(mode, newest=limit, before=before)
    sieve = Sieve(context, "revisions")
    rows = sieve.rows(records(stored), revision_row)
    return answered(request, rows, skipped=sieve.skipped)


@routes.get(
    "/reports/revisions/{revision_id}",
    response_model=Revision,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def one_revision(request: Request, context: Ctx, mode: AskedMode, revision_id: Id) -> Response:
    """Who moved, by how much, because of which rounds, and what payout that would have changed."""
    reports, name = context.reports, revision_id
    if name == NEWEST:
        heads = reports.revisions(mode, newest=1)
        if heads.empty:
            raise Refusal(404, f"no {mode} board was revised yet")
        name = str(heads["id"].iloc[0])
    found = records(reports.revision(name))
    if not found:
        raise Refusal(404, f"there is no revision {name[:80]!r}")
    sieve = Sieve(context, "revisions")
    told = sieve.rows(found, revision)
    if not told:
        raise Refusal(503, "what is stored of this revision cannot be read")
    return answered(request, told[0])
