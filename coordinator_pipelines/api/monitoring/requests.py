"""How many requests there were, how they ended, and how long they took.

Add here what is measured of requests; avoid anything that grows with who asks or for what: a route
is named by its pattern, never by the path that was asked for, so that there are as many counters
as there are routes.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator_pipelines.api.http.sharing import SHARED
from coordinator_pipelines.domain.health.figures import Figure, Kind, Sample

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = ("GET", "HEAD", "OPTIONS")
OTHER, NOWHERE, FROM_MEMORY = "other", "(none)", "(shared)"


class Tally:
    """What was counted since the start. Counted on one thread, told on any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: Counter[tuple[str, str, int]] = Counter()
        self._took: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.at_work = 0

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that has ended."""
        with self._lock:
            self._ended[method, route, status] += 1
            self._took[route][bisect_left(BOUNDS, seconds)] += 1
            self._seconds[route] += seconds

    def figures(self) -> Iterator[Figure]:
        """What was counted."""
        with self._lock:
            ended = sorted(self._ended.items())
            took = {route: (list(n), self._seconds[route]) for route, n in self._took.items()}
        yield Figure(
            "coordinator_http_requests_total",
            Kind.COUNTER,
            "Requests by method, route and status; (shared): told as another was just before.",
            [
                Sample(count, {"method": method, "route": route, "status": str(status)})
                for (method, route, status), count in ended
            ],
        )
        yield Figure(
            "coordinator_http_request_duration_seconds",
            Kind.HISTOGRAM,
            "How long requests took, from their arrival to the end of the answer.",
            [sample for route in sorted(took) for sample in _histogram(route, *took[route])],
        )
        yield Figure(
            "coordinator_http_requests_at_work",
            Kind.GAUGE,
            "Requests that are being answered, this one included.",
            [Sample(self.at_work, {})],
        )


class Counted:
    """Counts what goes through it; it belongs around everything else."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        self.app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it however it ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._tally.at_work += 1
        began = time.perf_counter()
        try:
            await self.app(scope, receive, see)
        finally:
            self._tally.at_work -= 1
            method = scope["method"] if scope["method"] in METHODS else OTHER
            self._tally.add(method, _route(scope), status, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    if scope.get(SHARED):
        return FROM_MEMORY
    return str(getattr(scope.get("route"), "path", NOWHERE))


def _histogram(route: str, counts: list[int], seconds: float) -> Iterator[Sample]:
    for bound, below in zip((*BOUNDS, "+Inf"), accumulate(counts), strict=True):
        yield Sample(below, {"route": route, "le": str(bound)}, "_bucket")
    yield Sample(seconds, {"route": route}, "_sum")
    yield Sample(sum(counts), {"route": route}, "_count")
