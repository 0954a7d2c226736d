"""The websocket over which clients learn which models there are, and report those that fail.

Add here what is said over that line; avoid running models.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from coordinator_pipelines.models.host.deployment import Deployment
from coordinator_pipelines.models.host.hosted_model import HostedModel

logger = logging.getLogger(__name__)


class Announcer:
    """Tells every client of ``crunch_id`` what runs. ``models``: by id, as they are now."""

    def __init__(self, crunch_id: str, models: Mapping[str, HostedModel]) -> None:
        self._path = f"/{crunch_id}"
        self._models = models
        self._clients: set[ServerConnection] = set()
        self._server: Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; the port in use."""
        self._server = await serve(self._talk, host, port)
        used: int = next(iter(self._server.sockets)).getsockname()[1]
        return used

    async def close(self) -> None:
        """Say goodbye to all clients."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def publish(self, model: HostedModel, deployment: Deployment, state: str) -> None:
        """Tell all clients of one change, in a frame of its own."""
        message = {"event": "update", "data": [entry(model, deployment, state)]}
        broadcast(self._clients, json.dumps(message))

    async def _talk(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        if path != self._path:
            await connection.close(1008, f"this host serves {self._path}")
            return
        running = [
            entry(model, model.running, "RUNNING")
            for model in self._models.values()
            if model.running is not None
        ]
        self._clients.add(connection)  # at once: nothing that changes meanwhile is missed
        try:
            await connection.send(json.dumps({"event": "init", "data": running}))
            async for message in connection:
                self._hear(message)
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(connection)

    def _hear(self, message: str | bytes) -> None:
        try:
            content = json.loads(message)
            reports = content["data"] if content["event"] == "report_failure" else []
            told = [(str(each["model_id"]), str(each["failure_code"])) for each in reports]
        except (ValueError, KeyError, TypeError):
            logger.warning("a client said what cannot be understood: %.200s", message)
            return
        for model_id, code in told:
            model = self._models.get(model_id)
            if model is not None:
                model.report(code)


def entry(model: HostedModel, deployment: Deployment, state: str) -> dict[str, Any]:
    """One deployment as the protocol says it."""
    return {
        "deployment_id": deployment.deployment_id,
        "model_id": model.member.model_id,
        "infos": model.infos(),
        "state": state,
        "ip": deployment.address[0],
        "port": deployment.address[1],
    }
