"""``/``, ``/models/{model_id}``, ``/compare``, ``/payouts`` and more: pages without scripts.

Add a page here; avoid putting together what it shows (``page.view``). The pages load nothing but
their own style sheet, and say so to the browser.
"""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import tagged
from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.parameters import AskedMode, AskedModels, WithEnsembles
from coordinator_pipelines.api.page.compared import compare_page
from coordinator_pipelines.api.page.description import described
from coordinator_pipelines.api.page.standings import FEWEST_DIGITS
from coordinator_pipelines.api.page.view import (
    board_page,
    model_page,
    payout_page,
    revision_page,
)
from coordinator_pipelines.api.season import AskedSeason, asked_season, last_instant
from coordinator_pipelines.domain.values.percent import percent

routes = APIRouter(include_in_schema=False)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
HTML, CSS = "text/html; charset=utf-8", "text/css; charset=utf-8"


@routes.get("/", dependencies=[PUBLIC])
def leaderboard_page(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    models: AskedModels,
    season: AskedSeason = None,
    ensembles: WithEnsembles = False,
) -> Response:
    """The ranking, now or at the end of a season; ``projectIds`` names the models of the chart."""
    until = last_instant(asked_season(context, season, None), None)
    page = board_page(context, mode, models, until, ensembles=ensembles)
    return tagged(request, _rendered("board.html", page=page), HTML, headers=HEADERS)


@routes.get("/models/{model_id}", dependencies=[PUBLIC])
def one_model_page(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    model_id: Annotated[str, Path(max_length=500)],
) -> Response:
    """One model."""
    page = model_page(context, mode, model_id)
    if page is None:
        title = context.challenge.shown_title
        text = _rendered("missing.html", challenge=title, model_id=model_id)
        return HTMLResponse(text, 404, HEADERS)
    return tagged(request, _rendered("model.html", page=page), HTML, headers=HEADERS)


@routes.get("/compare", dependencies=[PUBLIC])
def two_models_page(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    first: Annotated[str | None, Query(max_length=200)] = None,
    second: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Two models against each other; without them, or with one that is not there, the choice."""
    page = compare_page(context, mode, first, second)
    return tagged(request, _rendered("compare.html", page=page), HTML, headers=HEADERS)


@routes.get("/payouts", dependencies=[PUBLIC])
def payouts_page(request: Request, context: Ctx, mode: AskedMode) -> Response:
    """Who was paid what, period by period."""
    page = payout_page(context, mode)
    return tagged(request, _rendered("payouts.html", page=page), HTML, headers=HEADERS)


@routes.get("/revisions", dependencies=[PUBLIC])
def revisions_page(request: Request, context: Ctx, mode: AskedMode) -> Response:
    """Which final boards came out otherwise later, and why."""
    page = revision_page(context, mode)
    return tagged(request, _rendered("revisions.html", page=page), HTML, headers=HEADERS)


@routes.get("/docs", dependencies=[PUBLIC])
def description_page(request: Request, context: Ctx) -> Response:
    """What may be asked, for people; for programs it is ``/openapi.json``."""
    told = described(request.app.openapi())
    text = _rendered("docs.html", title=context.challenge.shown_title, paths=told)
    return tagged(request, text, HTML, headers=HEADERS)


@routes.get("/static/style.css", dependencies=[PUBLIC])
def style_sheet(request: Request) -> Response:
    """The pages' style sheet."""
    path = files("coordinator_pipelines.api.page") / "static" / "style.css"
    return tagged(request, path.read_bytes(), CSS, headers=HEADERS)


def _rendered(template: str, **values: Any) -> bytes:
    return _templates().get_template(template).render(**values).encode()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("coordinator_pipelines.api.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["share"] = _share
    environment.filters["payout"] = _payout
    environment.filters["signed"] = _signed
    environment.filters["instant"] = _instant
    environment.filters["outcome"] = _outcome
    environment.filters["code"] = _code
    return environment


def _number(value: float | None, digits: int = FEWEST_DIGITS) -> str:
    """A metric, or a dash for none."""
    return "\N{EN DASH}" if value is None else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float | None, digits: int = FEWEST_DIGITS) -> str:
    """A difference: like a metric, and with its sign."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _payout(value: float) -> str:
    """A share of a reward in percent: two digits, more where they tell something."""
    return f"{value:.2f} %" if round(value, 2) == value else f"{value:.7f} %"


def _code(text: str) -> Markup:
    """A text in which backticks mark code."""
    words = (Markup("<code>{}</code>" if n % 2 else "{}") for n in range(text.count("`") + 1))
    return Markup().join(
        shape.format(part) for shape, part in zip(words, text.split("`"), strict=True)
    )


def _outcome(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:g}"


def _share(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else percent(value)


def _instant(value: datetime, shape: str = "%Y-%m-%d %H:%M") -> Markup:
    """An instant for people and for programs."""
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), f"{value:{shape}}")
