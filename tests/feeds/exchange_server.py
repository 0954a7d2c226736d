"""A vendor on this machine: a real HTTP server that answers as Binance and Hermes do.

It lives by the clock that it is given, counts what it is asked, enforces the vendors' limits,
and can be told to fail in given ways. Add here what vendors do; avoid what is expected of us.
"""

import json
import socket
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from coordinator_pipelines.feeds.http.timer import Timer

KEY = "secret-key-5f3a"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Price = tuple[float, float, float, float, float]
"""Open, high, low, close, volume."""
Update = tuple[int, int, int]
"""Previous publish time, publish time, price in hundred millionths."""


class FakeTimer(Timer):
    """Time that passes only when somebody waits for it."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds


@dataclass(frozen=True)
class Fault:
    """What happens instead of the answer, or to the answer where there is no ``status``."""

    status: int | None = None
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    """Bytes missing from the end of the answer, though its length is declared right."""
    broken_off: bool = False
    """The connection ends within the answer."""
    hangs: bool = False
    """Nothing comes at all."""
    trickles: bool = False
    """Headers come piece by piece, without end."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived, at the server's time in seconds."""

    at: float
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    def one(self, name: str) -> str:
        (value,) = self.query[name]
        return value


class ExchangeServer:
    """Holds candles and updates; ``url`` is where it answers while it is entered."""

    def __init__(self, timer: Timer) -> None:
        self.timer = timer
        self.candles: dict[str, dict[int, Price]] = {}
        """Symbol -> open time in seconds -> candle."""
        self.updates: dict[str, list[Update]] = {}
        """Feed id -> updates, ascending."""
        self.key: str | None = None
        """The key that Hermes wants."""
        self.limit: tuple[int, float] | None = None
        """Requests in any so many seconds above which the answer is 429."""
        self.used_weight: int | None = None
        self.longest_page = 1000
        self.dated = True
        self.requests: list[Request] = []
        self.too_many = 0
        self.faults: deque[Fault] = deque()
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "ExchangeServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        for connection in self._server.connections:
            with suppress(OSError):  # it has ended already
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def fail(self, *faults: Fault, times: int = 1) -> None:
        """Let the next requests fail, in this order."""
        self.faults.extend(faults * times)

    def receive(self, request: Request) -> Fault | None:
        """Count a request; the fault that is its answer, if it gets no other."""
        with self._lock:
            self.requests.append(request)
            if self.limit:
                most, seconds = self.limit
                recent = sum(request.at - one.at < seconds for one in self.requests)
                if recent > most:
                    self.too_many += 1
                    return Fault(429, "Too many requests")
            return self.faults.popleft() if self.faults else None

    def answer(self, request: Request) -> tuple[int, str]:
        if request.path == "/api/v3/klines":
            return self._klines(request)
        if request.path.startswith("/v2/updates/price/"):
            return self._prices(request)
        return 404, "Not Found"

    # -- Binance -----------------------------------------------------------------------------

    def _klines(self, request: Request) -> tuple[int, str]:
        symbol, interval = request.one("symbol"), request.one("interval")
        if symbol not in self.candles:
            return 400, json.dumps({"code": -1121, "msg": "Invalid symbol."})
        length = int(interval[:-1]) * UNITS[interval[-1]]
        bounds = {name: int(request.one(name)) for name in ("startTime", "endTime")
                  if name in request.query}  # fmt: skip
        first, last = bounds.get("startTime", 0), bounds.get("endTime", 2**62)
        now = self.timer.now().timestamp()
        opens = [at for at in sorted(self.candles[symbol])
                 if first <= at * 1000 <= last and at < now]  # fmt: skip
        limit = min(int(request.one("limit")), self.longest_page)
        chosen = opens[:limit] if "startTime" in bounds else opens[-limit:]
        return 200, json.dumps([self.kline(symbol, at, length) for at in chosen])

    def kline(self, symbol: str, at: int, length: int) -> list[object]:
        opened, high, low, closed, volume = self.candles[symbol][at]
        if at + length > self.timer.now().timestamp():  # not finished: other values than later
            high, low, closed, volume = max(high, opened), min(low, opened), opened, volume / 2
        prices = [f"{price:.8f}" for price in (opened, high, low, closed, volume)]
        return [at * 1000, *prices, (at + length) * 1000 - 1, "1.0", 7, "0.5", "0.5", "0"]

    # -- Hermes ------------------------------------------------------------------------------

    def _prices(self, request: Request) -> tuple[int, str]:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return 401, "unauthorized"
        ids = [id_.lower().removeprefix("0x") for id_ in request.query["ids[]"]]
        if unknown := [id_ for id_ in ids if id_ not in self.updates]:
            return 404, "Price ids not found: " + ", ".join(f"0x{id_}" for id_ in unknown)
        which = request.path.rpartition("/")[2]
        now = self.timer.now().timestamp()
        found = []
        for id_ in ids:
            known = [update for update in self.updates[id_] if update[1] <= now]
            if which != "latest":
                known = [update for update in known if update[1] >= int(which)][:1]
            if not known:
                return 404, "Update data not found"
            found.append(_parsed(id_, known[-1]))
        return 200, json.dumps({"binary": {"encoding": "hex", "data": ["504e"]}, "parsed": found})


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, *_: object) -> None:
        """Be silent: those who ask may go away at any time."""


def every_minute(start: int, prices: Iterable[Price], step: int = 60) -> dict[int, Price]:
    """Candles by open time, one after the other."""
    return {start + k * step: price for k, price in enumerate(prices)}


def _parsed(id_: str, update: Update) -> dict[str, object]:
    previous, published, price = update
    value = {"price": str(price), "conf": "5", "expo": -8, "publish_time": published}
    metadata = {"slot": 1, "proof_available_time": published + 1, "prev_publish_time": previous}
    return {"id": id_, "price": value, "ema_price": value, "metadata": metadata}


def _handler_of(exchange: ExchangeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            at = exchange.timer.now().timestamp()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(at, address.path, parse_qs(address.query), headers)
            fault = exchange.receive(request) or Fault()
            if fault.hangs:
                exchange.ended.wait()
                self.close_connection = True
            elif fault.trickles:
                self._trickle()
            elif fault.status is not None:
                body = fault.body if isinstance(fault.body, bytes) else fault.body.encode()
                self._send(fault.status, body, fault)
            else:
                status, text = exchange.answer(request)
                self._send(status, text.encode()[: -fault.cut or None], fault)

        def _trickle(self) -> None:
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 Status\r\nX-Slow: ")
            with suppress(OSError):  # whoever asked is gone
                while not exchange.ended.wait(0.05):
                    self.wfile.write(b"x")

        def _send(self, status: int, body: bytes, fault: Fault) -> None:
            lines = [f"HTTP/1.1 {status} Status"]
            headers = dict(fault.headers)
            if exchange.dated:
                headers.setdefault("Date", format_datetime(exchange.timer.now().astimezone(UTC),
                                                           usegmt=True))  # fmt: skip
            if exchange.used_weight is not None:
                headers.setdefault("X-MBX-USED-WEIGHT-1M", str(exchange.used_weight))
            headers["Content-Length"] = str(len(body) + fault.broken_off)
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)
            self.close_connection = fault.broken_off

        def log_message(self, *_: object) -> None:
            """Be silent."""

    return Handler
