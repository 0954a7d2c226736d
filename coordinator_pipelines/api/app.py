"""The application: its routes, and what holds for all of them.

Add a module of routes to ``ROUTES``; avoid anything that one route does. Paths match exactly
(no redirect from ``/x/`` to ``/x``). No other origin may read the answers in a browser unless it
is named, and none may send credentials. There is no page that loads scripts from elsewhere.
"""

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from coordinator_pipelines import __version__
from coordinator_pipelines.api import document
from coordinator_pipelines.api.custom import include_custom
from coordinator_pipelines.api.http import problems
from coordinator_pipelines.api.http.context import Context, Figures
from coordinator_pipelines.api.http.keys import KeyRing
from coordinator_pipelines.api.http.moment import Moment
from coordinator_pipelines.api.http.query import ONLY_DECLARED
from coordinator_pipelines.api.http.sharing import FRESH_SECONDS, Sharing
from coordinator_pipelines.api.monitoring.requests import Counted, Tally
from coordinator_pipelines.api.routes import (
    calibration,
    checkpoints,
    compare,
    diversity,
    evidence,
    explain,
    export,
    feeds,
    health,
    leaderboard,
    metrics,
    models,
    page,
    predictions,
    revisions,
    schema,
    score_points,
    seasons,
    signals,
)
from coordinator_pipelines.api.schema.default import default_schema
from coordinator_pipelines.api.schema.overrides import overridden
from coordinator_pipelines.api.schema.report import authors_schema
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.report import Reports
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import SpecError

ROUTES = (
    health, leaderboard, compare, calibration, models, diversity, score_points, signals,
    predictions, feeds, checkpoints, revisions, seasons, schema, explain, evidence, export,
    metrics, page,
)  # fmt: skip
FASTEST = 1
"""Of a day of predictions, the highest level of compression took half of the time."""
ABOUT = """What participants and front ends read of a challenge. It changes nothing.

Instants in requests carry a zone. Rows of charts tell UTC *without* a zone suffix, as the existing
web front end wants it; everything else is told with `Z`. Stored rows that are malformed are left
out; the header `X-Skipped-Rows` says how many.
"""


def create_app(
    challenge: Challenge,
    reports: Reports,
    clock: Clock,
    *,
    directory: Path | None = None,
    keys: Path | None = None,
    origins: Sequence[str] = (),
    fresh_seconds: float = FRESH_SECONDS,
    figures: Figures = lambda _now: (),
) -> FastAPI:
    """The Report API of a challenge.

    Args:
        challenge: what is told about.
        reports: what is read.
        clock: says how old a board is, and whether a round is still open.
        directory: the node's own changes to the schema (``schema.overrides``) and routes
            (``custom``).
        keys: the keys file; it may come into being later.
        origins: web origins that may read answers in a browser, such as ``https://example.org``.
        fresh_seconds: for how long an answer is told again to those who ask the same.
        figures: what ``/metrics`` tells of the challenge, beside what the API knows of itself.

    Raises:
        CallableError: the author's schema or a custom router cannot be used.
        SpecError: a local change of the schema, or an origin, is wrong.
        CoordinatorError: the keys file cannot be read.
    """
    told = authors_schema(challenge) or default_schema(challenge)
    if directory is not None:
        told = overridden(told, directory)
    app = FastAPI(
        title=f"Report API of {challenge.name}",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    moment = Moment(fresh_seconds)
    app.state.context = Context(challenge, reports, clock, KeyRing(keys), told, moment, figures)
    app.state.tally = Tally()
    problems.install(app)
    document.install(app)
    for module in ROUTES:
        # The page is what people link to, and what is shared is shared with additions.
        strict = [] if module is page else [ONLY_DECLARED]
        app.include_router(module.routes, dependencies=strict)
    if directory is not None:
        include_custom(app, directory, [module.routes for module in ROUTES])
    _add_middleware(app, origins)
    app.add_middleware(Sharing, fresh_seconds=fresh_seconds)
    app.add_middleware(Counted, tally=app.state.tally)
    return app


class AnswersHead:
    """``HEAD`` is ``GET`` whose body the server leaves out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as a ``GET``."""
        passed = {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope
        await self.app(passed, receive, send)
        scope["route"] = passed.get("route")


def _add_middleware(app: FastAPI, origins: Sequence[str]) -> None:
    app.add_middleware(AnswersHead)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=FASTEST)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[_origin(origin) for origin in origins],
            allow_methods=["GET"],
            allow_headers=["X-API-Key", "Authorization", "If-None-Match"],
            expose_headers=["ETag", "Last-Modified", "Link", "X-Skipped-Rows", "X-Warning"],
        )


def _origin(text: str) -> str:
    scheme, _, host = text.partition("://")
    if text != "*" and (scheme not in ("http", "https") or not host or "/" in host):
        raise SpecError(f"{text!r} is no web origin; write https://example.org, without a path")
    return text
