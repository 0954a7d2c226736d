"""The published model client, contained: one bad model never delays, blinds or breaks another.

Add here what keeps hold of connections: joining, losing, giving up, hearing the orchestrator.
Avoid questions and verdicts (``conversation``). What is overridden, and why:

* joins run in the background, each with its own deadline, and whatever they raise is reported;
* a new deployment takes the old one's place when it has joined, not before;
* an update is taken one model at a time, so that RECOVERING and RUNNING in one frame both count;
* calls go out one model at a time and return what came back, undecoded. The published concurrent
  runner is not used: it gathers, so that one model's error loses a round, decodes without bounds,
  counts failures in calls where time matters, and skips calls of its own accord;
* the websocket comes back every second, takes large frames, passes over those that are none of the
  protocol, and is silent at interpreter exit.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import websockets
from model_runner_client.model_cluster import ModelCluster
from model_runner_client.model_runners import ModelRunner
from model_runner_client.security.credentials import SecureCredentials
from model_runner_client.websocket_client import WebsocketClient
from websockets import State

from coordinator_pipelines.domain.doors.ensemble import is_ensemble
from coordinator_pipelines.domain.doors.models import EventKind, Line
from coordinator_pipelines.models.live.health import bounded
from coordinator_pipelines.models.live.runner import LiveRunner

logger = logging.getLogger(__name__)

FRAME_BYTES = 64 << 20
RECONNECT_SECONDS = 1.0
PING_SECONDS = 5.0
"""An orchestrator that has not answered for some of these is away, though the line stands."""
ID_CHARACTERS = 200
JOIN_SPACING_SECONDS = 0.01
"""Between the beginnings of two joins: thousands that failed together would stall all calls."""
RETIRE_SECONDS = 10.0
"""How long calls to a replaced deployment may still take."""
FAILURE_CODES = {
    ModelRunner.ErrorType.BAD_IMPLEMENTATION: "BAD_IMPLEMENTATION",
    ModelRunner.ErrorType.GRPC_CONNECTION_FAILED: "CONNECTION_FAILED",
    ModelRunner.ErrorType.AUTH_ERROR: "CONNECTION_FAILED",
}
"""What the orchestrator is told; anything else is MULTIPLE_FAILED."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the orchestrator is, and whose models it is asked for."""

    host: str
    port: int
    crunch_id: str


@dataclass(frozen=True, slots=True)
class Joining:
    """How models are joined, and how long that may take."""

    base_class: str
    setup_seconds: float
    attempts: int
    secure: SecureCredentials | None

    def runner(self, **announced: Any) -> LiveRunner:
        """The runner of a deployment as the orchestrator announced it."""
        announced["infos"] = announced.get("infos") or {}
        runner = LiveRunner(self.base_class, [], [], secure_credentials=self.secure, **announced)
        runner.setup_timeout = self.setup_seconds
        runner.retry_attempts = self.attempts
        return runner


class Websocket(WebsocketClient):  # type: ignore[misc]  # untyped package
    """The line to the orchestrator, held for ever."""

    def __init__(self, address: Address, event_handler: Any) -> None:
        super().__init__(address.host, address.port, address.crunch_id, event_handler)
        self.retry_interval = RECONNECT_SECONDS
        self.number = 0
        self._problem: str | None = "not connected yet"

    def __del__(self) -> None:
        """Nothing: the published one starts an event loop while the interpreter exits."""

    async def connect(self) -> None:
        """Connect, trying for ever."""
        uri = f"ws://{self.host}:{self.port}/{self.crunch_id}"
        while True:
            try:
                self.websocket = await websockets.connect(
                    uri,
                    max_size=FRAME_BYTES,
                    ping_interval=PING_SECONDS,
                    ping_timeout=2 * PING_SECONDS,
                )
            except (OSError, TimeoutError, websockets.exceptions.WebSocketException) as error:
                problem = f"{uri} cannot be reached: {bounded(error)}"
                if problem != self._problem:
                    logger.warning("orchestrator: %s; trying again every second", problem)
                self._problem = problem
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                self._problem = "the orchestrator has not said yet which models there are"
                return

    async def handle_event(self, message: str | bytes) -> None:
        """Take a frame in; one that cannot be understood costs only itself, and no time."""
        try:
            frame = json.loads(message)
            event, data = frame["event"], frame["data"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            logger.warning("the orchestrator said what is no event (%r): %.200r", error, message)
            return
        if event not in ("init", "update") or not isinstance(data, list):
            logger.warning("the orchestrator said what is no event: %.200r", message)
            return
        await self.event_handler(event, data)

    def line(self) -> Line:
        """How it is now."""
        stands = self.websocket is not None and self.websocket.state is State.OPEN
        return Line(self._problem or (None if stands else "the line broke"), self.number)

    def stands(self) -> None:
        """The orchestrator has said which models there are."""
        self._problem = None
        self.number += 1


class LiveCluster(ModelCluster):  # type: ignore[misc]  # untyped package
    """The connected models, kept in step with what the orchestrator says.

    ``tell``: hears of every change, as (kind, runner, reason).
    """

    def __init__(
        self,
        address: Address,
        joining: Joining,
        tell: Callable[[EventKind, LiveRunner, str | None], None],
    ) -> None:
        # The published constructor would leave a websocket behind that is noisy at exit.
        self.crunch_id = address.crunch_id
        self.model_factory = joining.runner
        self.report_failure = True
        self.ws_client = Websocket(address, self.handle_event)
        self.models_run: dict[str, LiveRunner] = {}
        self.pending_model_runs: dict[str, LiveRunner] = {}
        self.absences: dict[str, str] = {}
        """Why a model that was heard of is not connected, by model id."""
        self.listed = asyncio.Event()
        """Set once the orchestrator has said which models there are."""
        self._tell = tell
        self._joins = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle_init_event(self, data: list[dict[str, Any]]) -> None:
        """Join the listed models, drop the others; known ones stay as they are."""
        await self.update_model_runs(data)
        listed = {str(item.get("model_id")) for item in data if isinstance(item, dict)}
        for runner in [*self.models_run.values(), *self.pending_model_runs.values()]:
            if runner.model_id not in listed:
                await self._drop(runner, EventKind.VANISHED, "no longer listed")
        self.ws_client.stands()
        self.listed.set()

    async def update_model_runs(self, data: list[dict[str, Any]]) -> None:
        """Take updates one by one; a malformed one costs only itself."""
        for item in data:
            try:
                ids = {name: identifier(item, name) for name in ("model_id", "deployment_id")}
                if is_ensemble(ids["model_id"]):
                    raise ValueError("only an ensemble of the challenge has such a model_id")
                infos = item.get("infos") or {}
                if infos.get("cruncher_id"):
                    identifier(infos, "cruncher_id")
                # One orchestrator says a number, another a text.
                await self._update({**item, **ids, "port": str(item.get("port"))})
            except (TypeError, KeyError, AttributeError, ValueError) as error:
                logger.warning("an update cannot be used (%r): %.200r", error, item)

    async def _update(self, item: dict[str, Any]) -> None:
        state, model_id = item["state"], item["model_id"]
        kind = {"STOPPED": EventKind.LEFT, "RECOVERING": EventKind.VANISHED}.get(state)
        pending = self.pending_model_runs.get(model_id)
        if kind is not None:
            for runner in (self.models_run.get(model_id), pending):
                if runner is not None and runner.deployment_id == item["deployment_id"]:
                    await self._drop(runner, kind, f"the orchestrator says {state}")
        elif pending is None or not pending.is_at(item):
            await super().update_model_runs([item])

    async def _drop(self, runner: LiveRunner, kind: EventKind, reason: str) -> None:
        was_member = self.models_run.get(runner.model_id) is runner
        self.absences[runner.model_id] = reason
        await self.remove_model_runner(runner)
        if was_member:
            self._tell(kind, runner, reason)

    async def add_model_runner(self, model_runner: LiveRunner) -> None:
        """Begin to join; returns at once. An older deployment stays until this one has joined."""
        model_id = model_runner.model_id
        running, pending = self.models_run.get(model_id), self.pending_model_runs.get(model_id)
        if running is not None and running.deployment_id == model_runner.deployment_id:
            await self.remove_model_runner(running)
        if pending is not None:
            await self.remove_model_runner(pending)
        self.absences[model_id] = "not set up yet"
        self.pending_model_runs[model_id] = model_runner
        self.background(self._join(model_runner))

    async def _join(self, runner: LiveRunner) -> None:
        async with self._joins:
            await asyncio.sleep(JOIN_SPACING_SECONDS)
        try:
            ready, error = await runner.init()
        except Exception as problem:  # noqa: BLE001 - whatever a model's endpoint provokes
            ready, error, runner.refusal = False, None, bounded(f"cannot be joined: {problem}")
        if self.pending_model_runs.get(runner.model_id) is not runner:
            await runner.close()
            return
        del self.pending_model_runs[runner.model_id]
        if ready:
            if runner.model_id in self.models_run:
                self.background(_retire(self.models_run[runner.model_id]))
            self.models_run[runner.model_id] = runner
            self.absences.pop(runner.model_id, None)
            self._tell(EventKind.JOINED, runner, None)
            return
        code = FAILURE_CODES.get(error, "MULTIPLE_FAILED")
        await self.give_up(runner, code, runner.refusal or "it cannot be reached, or never set up")

    async def give_up(self, runner: LiveRunner, code: str, reason: str) -> None:
        """Drop a model and report it to the orchestrator, which stops it."""
        text = bounded(f"{code}: {reason}")
        self._forget(runner)
        self.absences[runner.model_id] = text
        self._tell(EventKind.FAILED, runner, text)
        await self.process_failure(runner, code, reason)

    async def lost(self, runner: LiveRunner, reason: str) -> None:
        """Connect and set up again, in the background, a model whose connection broke."""
        if self.models_run.get(runner.model_id) is not runner:
            return
        self._forget(runner)
        self._tell(EventKind.VANISHED, runner, bounded(reason))
        if runner.model_id in self.pending_model_runs:  # another deployment is coming anyway
            await runner.close()
        else:
            await self.reconnect_model_runner(runner)

    def _forget(self, runner: LiveRunner) -> None:
        """Ask it nothing more, from this moment on."""
        if self.models_run.get(runner.model_id) is runner:
            del self.models_run[runner.model_id]
            self.absences[runner.model_id] = "its connection is being made again"

    def background(self, work: Any) -> None:
        """Run a coroutine to its end, whatever becomes of its starter."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let go of the orchestrator and of every model."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ws_client.disconnect()
        runners = [*self.models_run.values(), *self.pending_model_runs.values()]
        await asyncio.gather(*(each.close() for each in runners), return_exceptions=True)


def identifier(announced: dict[str, Any], name: str) -> str:
    """An id that the orchestrator gives, as a text that can be a key anywhere.

    Raises:
        ValueError: it cannot.
    """
    value = announced[name]
    text = str(value)
    if not isinstance(value, str | int) or not text.isprintable() or not text:
        raise ValueError(f"{name} must be a text that can be printed")
    if len(text) > ID_CHARACTERS:
        raise ValueError(f"{name} has more than {ID_CHARACTERS} characters")
    return text


async def _retire(runner: LiveRunner) -> None:
    """Close a replaced deployment's connection when its last calls have ended."""
    try:
        await asyncio.sleep(RETIRE_SECONDS)
    finally:
        await runner.close()
