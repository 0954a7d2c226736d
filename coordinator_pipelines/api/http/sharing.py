"""Answers that many ask for at once: made once, by few at a time, and kept for a moment.

Add here what bounds the work of all answers together; avoid what any of them says. Everybody polls
the same boards and pages, which change once per refresh: whoever asks the same as another within
a second is told the same. Only answers with a tag are shared, and only among callers without
a key. What is made at the same time is bounded too; whoever would wait for long is sent away.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator_pipelines.api.http.problems import problem

FRESH_SECONDS = 1.0
AT_ONCE = 8
"""Answers that are made at the same time: more would only make each of them slower."""
WAIT_SECONDS = 10.0
"""The existing web front end gives up after 15."""
MOST_BYTES = 64 << 20
ALONE = ("/reports/export", "/healthz", "/metrics")
"""Paths whose answers are not held in memory as a whole, or must come whatever else is asked."""
TELLING = ("accept-encoding", "host", "if-modified-since", "if-none-match", "origin")
"""Headers on which an answer depends."""
SECRET = ("authorization", "x-api-key")
SHARED = "coordinator.shared"
"""Set in the scope of a request that was told what another had been told."""

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A whole answer."""

    start: Message
    body: bytes
    made_at: float

    @property
    def is_shared(self) -> bool:
        """Whether others may be told the same."""
        return self.start["status"] in (200, 304) and "etag" in Headers(raw=self.start["headers"])

    async def tell(self, send: Send) -> None:
        """Send it."""
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})


class Sharing:
    """Shares answers, and bounds how many are made at once.

    ``fresh_seconds``: for how long an answer is told again; 0: never.
    """

    def __init__(self, app: ASGIApp, fresh_seconds: float = FRESH_SECONDS) -> None:
        self.app = app
        self._fresh_seconds = fresh_seconds
        self._kept: OrderedDict[Key, Told] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Future[Told | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"].startswith(ALONE):
            await self.app(scope, receive, send)
            return
        key = _key(scope) if self._fresh_seconds > 0 else None
        told = await self._others(key) if key else None
        scope[SHARED] = told is not None
        if told is None:
            try:
                told = await self._made(key, scope, receive)
            except TimeoutError:
                text = "too much is asked at the moment; try again in a while"
                await problem(503, text, {"Retry-After": "5"})(scope, receive, send)
                return
        await told.tell(send)

    async def _others(self, key: Key) -> Told | None:
        """What another was told a moment ago, or is about to be told; None if that is not ours."""
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept.made_at < self._fresh_seconds:
            return kept
        making = self._making.get(key)
        return None if making is None else await asyncio.shield(making)

    async def _made(self, key: Key | None, scope: Scope, receive: Receive) -> Told:
        """An answer of our own; those who ask the same meanwhile get it too."""
        if key is None or key in self._making:
            return await self._make(scope, receive)
        making = self._making[key] = asyncio.get_running_loop().create_future()
        shared = None
        try:
            told = await self._make(scope, receive)
            shared = told if told.is_shared else None
            if shared:
                self._keep(key, shared)
            return told
        finally:
            del self._making[key]
            making.set_result(shared)

    async def _make(self, scope: Scope, receive: Receive) -> Told:
        async with self._slot():
            start: Message = {}
            parts: list[bytes] = []

            async def take(message: Message) -> None:
                if message["type"] == "http.response.start":
                    start.update(message)
                else:
                    parts.append(message.get("body", b""))

            await self.app(scope, receive, take)
            return Told(start, b"".join(parts), time.monotonic())

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        async with asyncio.timeout(WAIT_SECONDS):
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    def _keep(self, key: Key, told: Told) -> None:
        self._drop(key)
        self._kept[key] = told
        self._bytes += len(told.body)
        stale = time.monotonic() - self._fresh_seconds
        while self._kept and (
            self._bytes > MOST_BYTES or next(iter(self._kept.values())).made_at < stale
        ):
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        dropped = self._kept.pop(key, None)
        self._bytes -= len(dropped.body) if dropped else 0


def _key(scope: Scope) -> Key | None:
    """What requests have in common that are answered alike; None if this one is answered alone."""
    headers = Headers(scope=scope)
    if scope["method"] not in ("GET", "HEAD") or any(name in headers for name in SECRET):
        return None
    told = tuple(tuple(headers.getlist(name)) for name in TELLING)
    return scope["method"], scope["raw_path"], scope["query_string"], told
