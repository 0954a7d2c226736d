"""``/healthz`` and ``/info``: whether the service is sound, and what it is.

Add a check here when something that readers rely on can break; avoid anything slow.
"""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from coordinator_pipelines import __version__
from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Answer
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.problems import MEDIA_TYPE, SCHEMA_REFERENCE, documented
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.routes.leaderboard import find_board
from coordinator_pipelines.api.routes.models import model_rows
from coordinator_pipelines.api.routes.score_points import newest_points
from coordinator_pipelines.api.scopes import scopes
from coordinator_pipelines.domain.doors.ledger import Mode

routes = APIRouter(tags=["service"])

NO_STORE = {"Cache-Control": "no-store"}


class Health(Answer):
    """Whether the service is sound."""

    status: Literal["ok", "degraded", "stale"] = Field(
        description="stale: the newest live board is older than three refreshes (15 minutes at "
        "least), or there is none although models joined that long ago. degraded: stored rows are "
        "malformed and left out, or the newest board cannot be read and an older one is shown"
    )
    version: str
    mode: Mode
    leaderboard_as_of: ZonedTime | None
    leaderboard_age_seconds: float | None
    skipped_rows: dict[str, int] = Field(
        description="Malformed stored rows met since the start: the most that one answer left out"
    )


class Info(Answer):
    """What is served here."""

    challenge: str
    crunch_id: str
    version: str
    mode: Mode
    feed: str
    simulated: bool = Field(description="Whether prices are made up, or recorded ones played live")
    network: None = Field(default=None, description="Always null: no payments are made here")


@routes.get(
    "/healthz",
    response_model=Health,
    responses={
        **documented(),
        503: {
            "model": Health,
            "content": {MEDIA_TYPE: {"schema": SCHEMA_REFERENCE}},
            "description": "Stale, or the database cannot be read",
        },
    },
    dependencies=[PUBLIC],
)
def health(context: Ctx) -> JSONResponse:
    """200 if the database can be read and the newest live board is not too old, else 503."""
    mode = context.mode()
    board = find_board(context, mode, None)
    as_of = board.as_of if board else None
    stale = is_stale(context, mode, as_of)
    _look_at_the_newest(context, mode)
    told = Health(
        status="stale" if stale else "degraded" if context.skipped else "ok",
        version=__version__,
        mode=mode,
        leaderboard_as_of=as_of,
        leaderboard_age_seconds=(context.clock.now() - as_of).total_seconds() if as_of else None,
        skipped_rows=dict(context.skipped),
    )
    return JSONResponse(told.model_dump(mode="json"), 503 if stale else 200, NO_STORE)


def _look_at_the_newest(context: Context, mode: Mode) -> None:
    """Meet the malformed rows that readers would meet, before they do."""
    scopes(context)
    model_rows(context, mode)
    newest_points(context, mode)


@routes.get("/info", response_model=Info, responses=documented(), dependencies=[PUBLIC])
def info(context: Ctx) -> JSONResponse:
    """What is served here."""
    challenge = context.challenge
    told = Info(
        challenge=challenge.name,
        crunch_id=challenge.crunch_id,
        version=__version__,
        mode=context.mode(),
        feed=challenge.feed.provider,
        simulated=context.is_simulated,
    )
    return JSONResponse(told.model_dump(mode="json"), headers=NO_STORE)


def is_stale(context: Context, mode: Mode, as_of: datetime | None) -> bool:
    """Whether a live board should be newer than it is.

    A replayed board is never stale; nor is the last one of a challenge that is over.
    """
    if mode is not Mode.LIVE:
        return False
    since, now = as_of or context.reports.member_since(mode), context.clock.now()
    current = min(now, context.challenge.end or now)
    return since is not None and current - since > context.stale_after
