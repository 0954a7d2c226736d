"""``/`` and ``/models/{model_id}``: the public pages, for people, without scripts.

Add a page here; avoid putting together what it shows (``page.view``). The pages load nothing but
their own style sheet, and say so to the browser.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import tagged
from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.parameters import AskedMode
from coordinator_pipelines.api.page.view import board_page, model_page

routes = APIRouter(include_in_schema=False)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
HTML, CSS = "text/html; charset=utf-8", "text/css; charset=utf-8"


@routes.get("/", dependencies=[PUBLIC])
def leaderboard_page(request: Request, context: Ctx, mode: AskedMode) -> Response:
    """The ranking."""
    page = board_page(context, mode)
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
        text = _rendered("missing.html", challenge=context.challenge.name, model_id=model_id)
        return HTMLResponse(text, 404, HEADERS)
    return tagged(request, _rendered("model.html", page=page), HTML, headers=HEADERS)


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
    return environment


def _number(value: float | None) -> str:
    """A metric: four digits after the point, or a dash for none."""
    return "\N{EN DASH}" if value is None else f"{value:.4f}".replace("-", "\N{MINUS SIGN}")


def _share(value: float | None) -> str:
    """A share in whole percent, rounded down."""
    return "\N{EN DASH}" if value is None else f"{int(value * 100 + 1e-9)} %"
