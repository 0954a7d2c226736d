"""The list of models and their logs over HTTP, in the shape the report front end asks for.

Add here what that front end reads; avoid changing anything: it is for looking.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from coordinator_pipelines.models.host.hosted_model import HostedModel
from coordinator_pipelines.models.untrusted_files import open_plain

LOG_TAIL_BYTES = 1_000_000
DISCARDED_BYTES = 10_000_000
"""How much of a refused submission is read, so that its sender gets to read the refusal."""
RUNNER_LOGS = "/models/logs/runner/"
ASKER_SECONDS = 30.0
"""How long whoever asks may keep a thread waiting."""
ALIVE = "/alive"
ALIVE_SECONDS = 5.0


class HttpApi(ThreadingHTTPServer):
    """``GET /models``, ``GET /models/logs/runner/<model id>``, and ``GET /alive``."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        crunch_id: str,
        models: Mapping[str, HostedModel],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(address, Handler)
        self.crunch_id = crunch_id
        self.models = models
        self._loop = loop

    def is_alive(self) -> bool:
        """Whether the host itself, not only this API, still does anything."""
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(ALIVE_SECONDS)
        except (TimeoutError, RuntimeError):
            return False
        return True


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: HttpApi
    timeout = ASKER_SECONDS

    def do_GET(self) -> None:
        """Answer a request."""
        path = urlsplit(self.path).path
        if path == "/models":
            rows = [self._row(each) for each in list(self.server.models.values())]
            self._answer(200, "application/json", json.dumps(rows).encode())
            return
        if path == ALIVE:
            alive = self.server.is_alive()
            self._answer(200 if alive else 503, "text/plain", b"alive\n" if alive else b"stuck\n")
            return
        model = self.server.models.get(path.removeprefix(RUNNER_LOGS))
        if path.startswith(RUNNER_LOGS) and model is not None:
            self._answer(200, "text/plain; charset=utf-8", tail(model.log_path))
            return
        self._refuse(404, "there is no such page")

    def do_POST(self) -> None:
        """Refuse what the page's form for new models sends."""
        length = self.headers.get("Content-Length", "")
        self.rfile.read(min(int(length) if length.isdecimal() else 0, DISCARDED_BYTES))
        self._refuse(405, "models are added and changed in models.yaml and in their directories")

    do_PATCH = do_PUT = do_DELETE = do_POST

    def _row(self, model: HostedModel) -> dict[str, Any]:
        member = model.member
        base = f"http://{self.headers.get('Host', 'localhost')}"
        return {
            "id": member.model_id,
            "model_name": member.name,
            "deployment_id": model.deployment_id,
            "desired_state": "STOPPED" if model.stopped_for_good else "RUNNING",
            "status": model.status,
            "statusMessage": model.message,
            "crunch_id": self.server.crunch_id,
            "cruncher_id": member.owner_id,
            "cruncher_name": member.owner,
            "builder_log_uri": None,
            "runner_log_uri": f"{base}{RUNNER_LOGS}{member.model_id}",
        }

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, "application/json", json.dumps({"message": message}).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: a page that polls would fill the host's output."""


def tail(path: Path) -> bytes:
    """The end of a log, from the start of a line on if there is one."""
    try:
        with open_plain(path, "rb") as log:
            skipped = max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES)
            log.seek(skipped)
            end = log.read(LOG_TAIL_BYTES)
            return (skipped and end.partition(b"\n")[2]) or end
    except OSError:
        return b""
