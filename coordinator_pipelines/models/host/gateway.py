"""Ports at which the deployments of this host are reached from other machines.

Add here how a port leads to a deployment's socket; avoid announcing it (``announcer``). A model
listens at a socket of its own and has no network; a client on another machine has no socket. What
comes in at a port is passed on as it is.
"""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from functools import partial
from pathlib import Path

from coordinator_pipelines.models.host.serve import BUFFER_BYTES, pass_on

BACKLOG = 16


class Gateway:
    """Leads a port of ``address`` to each deployment; clients are told to find it at ``host``."""

    def __init__(self, host: str, address: str, ports: range) -> None:
        self._host = host
        self._address = address
        self._ports = ports
        self._open: dict[str, asyncio.Task[None]] = {}

    def open(self, deployment_id: str, endpoint: Path) -> tuple[str, str]:
        """Lead a free port to a deployment's socket; the host and the port.

        Raises:
            OSError: all ports are taken.
        """
        listener = self._listener()
        serving = asyncio.ensure_future(_serve(listener, endpoint))
        serving.add_done_callback(lambda _: listener.close())
        self._open[deployment_id] = serving
        return self._host, str(listener.getsockname()[1])

    def close(self, deployment_id: str) -> None:
        """Take no more connections; those that are there end with the deployment."""
        if serving := self._open.pop(deployment_id, None):
            serving.cancel()

    def _listener(self) -> socket.socket:
        for port in self._ports:
            with suppress(OSError):
                return socket.create_server((self._address, port), backlog=BACKLOG)
        raise OSError(
            f"the ports {self._ports[0]} to {self._ports[-1]} are all taken; give more with "
            "--model-ports (a model needs one, and one more while it is replaced)"
        )


async def _serve(listener: socket.socket, endpoint: Path) -> None:
    server = await asyncio.start_server(partial(_take, endpoint), sock=listener, limit=BUFFER_BYTES)
    try:
        await server.serve_forever()
    finally:
        server.close()


async def _take(endpoint: Path, reader: StreamReader, writer: StreamWriter) -> None:
    """Pass on what is said in one connection, both ways."""
    try:
        to, back = await asyncio.open_unix_connection(str(endpoint), limit=BUFFER_BYTES)
        await asyncio.gather(pass_on(reader, back), pass_on(to, writer))
    except OSError:
        writer.close()
