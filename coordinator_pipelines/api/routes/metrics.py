"""``/metrics``: the figures of a challenge, of this API and of its process, for monitoring.

Add nothing here but who may ask and what comes with what; avoid figures themselves
(``domain.health.figures``, ``monitoring``). What it costs follows the rounds and answers of an
hour, and those who scrape at once share it.
"""

import logging
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response

from coordinator_pipelines import __version__
from coordinator_pipelines.api.http.access import ADMIN
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.monitoring.exposition import MEDIA_TYPE, exposed
from coordinator_pipelines.api.monitoring.process import process_figures
from coordinator_pipelines.api.monitoring.requests import Tally
from coordinator_pipelines.domain.health.figures import Figure, gauge
from coordinator_pipelines.domain.values.errors import LedgerError

logger = logging.getLogger(__name__)

routes = APIRouter(include_in_schema=False)


@routes.get("/metrics", dependencies=[ADMIN])
def metrics(request: Request, context: Ctx) -> Response:
    """What Prometheus reads. While the database is away, what is known without it."""
    told = [*_of_the_challenge(context), *_of_the_api(context, request.app.state.tally)]
    text = exposed(told, {"challenge": context.challenge.name})
    headers = {"Cache-Control": "no-store"}
    return Response(text.encode("utf-8", "replace"), media_type=MEDIA_TYPE, headers=headers)


def _of_the_challenge(context: Context) -> list[Figure]:
    about = "Whether the challenge's database answered."
    try:
        found = context.moment.shared("figures", lambda: _found(context))
    except LedgerError as error:
        logger.error("%s", error)
        return [gauge("coordinator_database_up", about, (0, {}))]
    return [gauge("coordinator_database_up", about, (1, {})), *found]


def _found(context: Context) -> list[Figure]:
    return list(context.figures(context.clock.now()))


def _of_the_api(context: Context, tally: Tally) -> Iterator[Figure]:
    told = {"version": __version__, "feed": context.challenge.feed.provider}
    yield gauge("coordinator_info", "What runs here.", (1, told))
    skipped = context.skipped.items()
    yield gauge(
        "coordinator_skipped_rows",
        "Malformed stored rows met since the start: the most that one answer left out.",
        *((count, {"kind": kind}) for kind, count in skipped),
    )
    yield from tally.figures()
    yield from process_figures()
