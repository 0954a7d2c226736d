"""Serve a model at a socket that its host has made: what comes in there reaches the runner's own.

Run inside a sandbox, as ``python -c TEXT_OF_THIS FD SOCKET ARGUMENT ...``: FD is the host's socket,
on which nobody listens yet; at SOCKET the published runner, run with ARGUMENTS, makes its own. Add
here what passes bytes on; avoid whatever the host relies upon: all of this is in the model's hands,
but nobody else's is. Standard library only.
"""

import asyncio
import runpy
import socket
import sys
import threading
from asyncio import StreamReader, StreamWriter

POLL_SECONDS = 0.02
BUFFER_BYTES = 1 << 20


def main() -> None:
    """Serve until the process is killed."""
    listener, inner = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    relaying = threading.Thread(target=lambda: asyncio.run(relay(listener, inner)), daemon=True)
    relaying.start()
    sys.argv = ["model-runner", *sys.argv[3:]]
    runpy.run_module("model_runner.server", run_name="__main__", alter_sys=True)


async def relay(listener: socket.socket, inner: str) -> None:
    """Take connections, from when the runner does, and pass on what is said in each."""

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            to, back = await asyncio.open_unix_connection(inner, limit=BUFFER_BYTES)
            await asyncio.gather(pass_on(reader, back), pass_on(to, writer))
        except OSError:
            writer.close()

    while not await is_served(inner):
        await asyncio.sleep(POLL_SECONDS)
    server = await asyncio.start_unix_server(take, sock=listener, limit=BUFFER_BYTES)
    await server.serve_forever()


async def is_served(path: str) -> bool:
    """Whether somebody listens there."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


async def pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass bytes on until one side has had enough."""
    try:
        while said := await reader.read(BUFFER_BYTES):
            writer.write(said)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    main()
