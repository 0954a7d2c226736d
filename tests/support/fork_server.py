"""Programs forked from one process that has imported them: a process each, without the wait.

A program takes a second or two to import what it needs, and hundreds are run. The first one of its
kind in a test process starts a server (this file, as a program); each further one is a fork of it,
with the arguments, the environment, the directory and the streams that a shell would give it. Add
nothing here that a program could notice. Commands that are signalled, or followed while they run,
are started as users start them (``tests.command``).
"""

import atexit
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self

STARTING_SECONDS = 60.0
LONGEST_REQUEST = 1_000_000
COMMANDS = "coordinator_pipelines.cli"


class Forked:
    """A program that was forked, to be used like a ``subprocess.Popen``.

    ``program``: a module with a function ``main``, or a package with a module of that name;
    ``streams``: its standard input, output and error.
    """

    returncode: int | None = None
    stdout: IO[str] | None = None
    """What it writes, where the caller reads that."""

    def __init__(
        self,
        program: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        streams: Sequence[IO[Any]],
    ) -> None:
        self.args = list(argv)
        request = {
            "arguments": self.args,
            "environment": dict(environment),
            "directory": str(directory),
        }
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_server(program))
        message = json.dumps(request).encode()
        socket.send_fds(self._connection, [message], [stream.fileno() for stream in streams])
        self._connection.shutdown(socket.SHUT_WR)
        # Unbuffered: whether there is an answer is asked of the connection itself.
        self._answers = self._connection.makefile("rb", buffering=0)
        self.pid = int(self._answers.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        if self.stdout is not None:
            self.stdout.close()
        self.wait()
        self._answers.close()
        self._connection.close()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status when it has ended, negative if a signal ended it.

        Raises:
            subprocess.TimeoutExpired: it takes longer.
        """
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = os.waitstatus_to_exitcode(int(self._answers.readline()))
        return self.returncode

    def poll(self) -> int | None:
        """Its exit status, or None as long as it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> tuple[str, None]:
        """All that it writes, until it has ended."""
        assert self.stdout is not None
        with self:
            return self.stdout.read(), None


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
    argv = [str(Path(sys.executable).with_name("coordinator")), *arguments]
    with Forked(COMMANDS, argv, environment, directory, streams) as process:
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def start(program: str, *arguments: str, directory: Path, **environment: str) -> Forked:
    """Start ``python -m program`` with variables besides our own; the caller reads its output."""
    reading, writing = os.pipe()
    output = os.fdopen(reading, encoding="utf-8")
    with Path(os.devnull).open("rb") as nothing, os.fdopen(writing, "wb") as written:
        streams = (nothing, written, sys.__stderr__ or written)
        process = Forked(
            program, [program, *arguments], {**os.environ, **environment}, directory, streams
        )
    process.stdout = output
    return process


@cache
def _server(program: str) -> str:
    """The address of the server of a program, which is started the first time."""
    directory = tempfile.TemporaryDirectory()
    address = str(Path(directory.name) / "socket")
    process = subprocess.Popen([sys.executable, "-m", __name__, address, program], cwd=Path.cwd())

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


def _serve(address: str, program: str) -> None:
    main = _imported(program)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address + ".soon")
        listening.listen()
        Path(address + ".soon").rename(address)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _handle(connection, main)
            connection.close()


def _imported(program: str) -> Callable[[], Any]:
    """The program's function, after all that it may import when it runs."""
    module = importlib.import_module(program)
    if not hasattr(module, "__path__"):
        return module.main  # type: ignore[no-any-return]
    for each in pkgutil.walk_packages(module.__path__, f"{program}."):
        importlib.import_module(each.name)
    return importlib.import_module(f"{program}.main").main  # type: ignore[no-any-return]


def _handle(connection: socket.socket, main: Callable[[], Any]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 3)
    while part := connection.recv(LONGEST_REQUEST):
        message += part
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(json.loads(message), streams, main)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(f"{status}\n".encode())
    os._exit(0)


def _become(request: Any, streams: Sequence[int], main: Callable[[], Any]) -> NoReturn:
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
    _serve(sys.argv[1], sys.argv[2])
