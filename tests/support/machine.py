"""A machine and a receiver of messages, as a test wants them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

from coordinator_pipelines.domain.doors.machine import Backups, Machine, Room


@dataclass
class Workbench(Machine):
    """Has room and needs no backups, until a test says otherwise."""

    room: Room = field(default_factory=lambda: Room("/data", 50 * 1024**3, 100 * 1024**3))
    kept: Backups | None = None

    def rooms(self) -> list[Room]:
        """The one file system."""
        return [self.room]

    def backups(self) -> Backups | None:
        """What the test says."""
        return self.kept


@dataclass
class Receiver:
    """A service that is told; ``status`` is what it answers."""

    url: str = ""
    status: int = 200
    got: list[dict[str, str]] = field(default_factory=list)

    def titles(self) -> list[str]:
        """Titles of what came since the last call."""
        titles = [message["title"] for message in self.got]
        self.got.clear()
        return titles


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A web server of this process that takes apprise's JSON."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if received.status == 200:
                received.got.append(json.loads(body))
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"json://user:sekret@127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
