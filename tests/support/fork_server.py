"""Commands forked from one process that has imported them all: a process each, without the wait.

A command takes a second to import what it needs, and hundreds are run. The first one of a test
process starts a server (this module, as a program); each further one is a fork of it, with the
arguments, the environment, the directory and the streams that a shell would give it. Add nothing
here that a command could notice. Commands that are signalled, or followed while they run, are
started as users start them (``tests.command``).
"""

import atexit
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

STARTING_SECONDS = 60.0
LONGEST_REQUEST = 1_000_000


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    streams: Sequence[IO[Any]],
    timeout: float,
) -> int:
    """Run ``coordinator`` to its end; its exit status, negative if a signal ended it.

    ``streams``: its standard input, output and error.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    request = {
        "arguments": [str(Path(sys.executable).with_name("coordinator")), *arguments],
        "environment": dict(environment),
        "directory": str(directory),
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(_server())
        message = json.dumps(request).encode()
        socket.send_fds(connection, [message], [stream.fileno() for stream in streams])
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile() as replies:
            pid = int(replies.readline())
            connection.settimeout(timeout)
            try:
                return os.waitstatus_to_exitcode(int(replies.readline()))
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout) from None


@cache
def _server() -> str:
    """The address of this process's server, which is started the first time."""
    directory = tempfile.TemporaryDirectory()
    address = str(Path(directory.name) / "socket")
    process = subprocess.Popen([sys.executable, "-m", __name__, address], cwd=Path.cwd())

    def stop() -> None:
        process.kill()
        process.wait()
        directory.cleanup()

    atexit.register(stop)
    deadline = time.monotonic() + STARTING_SECONDS
    while not Path(address).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return address


def _serve(address: str) -> None:
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address + ".soon")
        listening.listen()
        Path(address + ".soon").rename(address)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _handle(connection)
            connection.close()


def _import_all() -> None:
    import coordinator_pipelines.cli  # noqa: PLC0415 (the client needs none of it)

    for module in pkgutil.walk_packages(
        coordinator_pipelines.cli.__path__, "coordinator_pipelines.cli."
    ):
        importlib.import_module(module.name)


def _handle(connection: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 3)
    while part := connection.recv(LONGEST_REQUEST):
        message += part
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(json.loads(message), streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(f"{status}\n".encode())
    os._exit(0)


def _become(request: Any, streams: Sequence[int]) -> NoReturn:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["directory"])
    sys.argv = request["arguments"]
    status: Any = 1
    try:
        from coordinator_pipelines.cli.main import main  # noqa: PLC0415

        main()
        status = 0
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            sys.stderr.write(f"{status}\n")
            status = 1
    except BaseException:  # noqa: BLE001 (what Python itself would do)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)


if __name__ == "__main__":
    _serve(sys.argv[1])
