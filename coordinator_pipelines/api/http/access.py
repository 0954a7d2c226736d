"""Who asks, and what they may read: a tier per route, a key in a header.

Add here what decides whether a request is let in; avoid keys at rest (``keys``). A tier belongs
to a route, never to the beginning of a path, so that no path is open by its name.

Without any key in the keys file there is nobody to tell apart: the read tier is open, the admin
tier is closed. With one, the read tier asks for a key.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.keys import Tier
from coordinator_pipelines.api.http.problems import Refusal
from coordinator_pipelines.api.http.query import refuse_keys

HEADERS = ("x-api-key", "authorization")
UNREADABLE = (
    "these credentials cannot be read; send one key, in X-API-Key or as Authorization: Bearer <key>"
)

# Only for the OpenAPI document: they would take what they cannot read for nothing at all.
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key of the Report API")
_bearer = HTTPBearer(auto_error=False, description="A key of the Report API")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    tier: Tier = Tier.PUBLIC
    owner_id: str | None = None

    def sees_inside(self, owner_id: str | None) -> bool:
        """Whether error texts and raw answers of the owner's models are shown to the caller."""
        return self.tier is Tier.ADMIN or (self.owner_id is not None and self.owner_id == owner_id)


async def _caller(
    request: Request,
    context: Ctx,
    _key: Annotated[Any, Depends(_header)],
    _token: Annotated[Any, Depends(_bearer)],
) -> Caller:
    refuse_keys(request)
    token = _credentials(request)
    if token is None:
        return Caller()
    key = context.keys.find(token)
    if key is None:
        raise Refusal(401, "this key is not known; ask the operator for another one")
    return Caller(key.tier, owner_id=key.owner)


def _credentials(request: Request) -> str | None:
    """The key that is sent; None if none is. Whoever sends anything else is not let in."""
    sent = [(name, value) for name in HEADERS for value in request.headers.getlist(name)]
    if not sent:
        return None
    if len(sent) > 1:
        raise Refusal(401, UNREADABLE)
    [(name, value)] = sent
    scheme, _, rest = value.strip().partition(" ")
    token = value.strip() if name == HEADERS[0] else rest.strip()
    if not token or " " in token or (name != HEADERS[0] and scheme.lower() != "bearer"):
        raise Refusal(401, UNREADABLE)
    return token


AnyCaller = Annotated[Caller, Depends(_caller)]


def _required(tier: Tier) -> Callable[..., Awaitable[None]]:
    async def check(context: Ctx, caller: AnyCaller) -> None:
        is_open = tier is Tier.PUBLIC or (tier is Tier.READ and not context.keys.all())
        if is_open or caller.tier.level >= tier.level:
            return
        if caller.tier is Tier.PUBLIC:
            raise Refusal(401, f"a key of tier {tier} is needed; send it in X-API-Key")
        raise Refusal(403, f"this needs a key of tier {tier}, not {caller.tier}")

    return check


@cache
def requires(tier: Tier) -> Any:
    """The dependency that lets in callers of at least the tier."""
    return Depends(_required(tier))


PUBLIC, READ, ADMIN = requires(Tier.PUBLIC), requires(Tier.READ), requires(Tier.ADMIN)
