"""What a URL may ask: what its route declares, once each, and never a key.

Add a rule here that holds for every query string; avoid what a single parameter means
(``parameters``). A name that nobody knows is refused rather than passed over: a filter with a
typing mistake would otherwise answer with everything.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from coordinator_pipelines.api.http.keys import PREFIX
from coordinator_pipelines.api.http.problems import Refusal
from coordinator_pipelines.api.schema.report import ReportSchema

SENT_BY_FRONT_END = frozenset({"projectIds", "start", "end"})
"""What the existing web front end adds to the address of every chart."""
REPEATABLE = frozenset({"projectIds"})
LONGEST_NAME = 60

_SECRET = re.compile(r"key|token|secret|passw|pwd|auth|bearer|credential|signature|jwt", re.I)
"""How other systems call a secret in a URL, where logs and histories would keep it."""
_OWN_KEY = re.compile(PREFIX + r"[\w-]{20,}")


def refuse_keys(request: Request) -> None:
    """Refuse a key in the URL, whatever it is called there.

    Raises:
        Refusal: there is one. The text repeats neither its name nor its value.
    """
    unknown = set(request.query_params) - _declared(request)
    whole = unquote_plus(request.url.query)
    if any(_SECRET.search(name) for name in unknown) or _OWN_KEY.search(whole):
        raise Refusal(400, "a key is never taken from the URL; send the header X-API-Key")


def _only_declared(request: Request) -> None:
    refuse_keys(request)
    declared = _declared(request)
    allowed = declared | _sent_by_front_end(request)
    names = Counter(name for name, _ in request.query_params.multi_items())
    unknown = [name for name in names if name not in allowed]
    if unknown:
        known = ", ".join(sorted(declared)) or "none"
        raise Refusal(
            422, f"{_shown(unknown[0])} is not known here; the parameters of this path: {known}"
        )
    repeated = [name for name, count in names.items() if count > 1 and name not in REPEATABLE]
    if repeated:
        raise Refusal(422, f"{_shown(repeated[0])} is given {names[repeated[0]]} times; once only")


ONLY_DECLARED = Depends(_only_declared)
"""The dependency of routes that refuse what they do not know."""


def _declared(request: Request) -> set[str]:
    """The parameters that the route knows."""
    route: Any = request.scope["route"]
    return set(_names(route.dependant))


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _names(one)


def _sent_by_front_end(request: Request) -> frozenset[str]:
    """What is let through though the route has no use for it: charts may show any path."""
    schema: ReportSchema = request.app.state.context.schema
    charts = {urlsplit(widget.endpointUrl).path for widget in schema.metrics_widgets}
    return SENT_BY_FRONT_END if request.url.path in charts else frozenset()


def _shown(name: str) -> str:
    return ascii(name[:LONGEST_NAME])
