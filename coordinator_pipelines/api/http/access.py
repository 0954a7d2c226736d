"""Who asks, and what they may read: a tier per route, a key in a header.

Add here what decides whether a request is let in; avoid keys at rest (``keys``). A tier belongs
to a route, never to the beginning of a path, so that no path is open by its name.

Without any key in the keys file there is nobody to tell apart: the read tier is open, the admin
tier is closed. With one, the read tier asks for a key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from coordinator_pipelines.api.http.context import Ctx
from coordinator_pipelines.api.http.keys import Tier
from coordinator_pipelines.api.http.problems import Refusal

KEY_PARAMETERS = frozenset({"api_key", "apikey", "api-key", "x-api-key"})
"""What callers of other systems put into a URL, where logs and histories keep it."""

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


def _caller(
    request: Request,
    context: Ctx,
    header: Annotated[str | None, Depends(_header)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    if KEY_PARAMETERS.intersection(name.lower() for name in request.query_params):
        raise Refusal(400, "a key is never taken from the URL; send the header X-API-Key")
    token = header or (bearer.credentials if bearer else None)
    if token is None:
        return Caller()
    key = context.keys.find(token)
    if key is None:
        raise Refusal(401, "this key is not known; ask the operator for another one")
    return Caller(key.tier, owner_id=key.owner)


AnyCaller = Annotated[Caller, Depends(_caller)]


def _required(tier: Tier) -> Callable[..., None]:
    def check(context: Ctx, caller: AnyCaller) -> None:
        is_open = tier is Tier.PUBLIC or (tier is Tier.READ and not context.keys.all())
        if is_open or caller.tier.level >= tier.level:
            return
        if caller.tier is Tier.PUBLIC:
            raise Refusal(401, f"a key of tier {tier} is needed; send it in X-API-Key")
        raise Refusal(403, f"this needs a key of tier {tier}, not {caller.tier}")

    return check


def requires(tier: Tier) -> Any:
    """The dependency that lets in callers of at least the tier."""
    return Depends(_required(tier))


PUBLIC, READ, ADMIN = requires(Tier.PUBLIC), requires(Tier.READ), requires(Tier.ADMIN)
