"""The process that holds one imported model, and the children it forks: started, watched, killed.

Add here what keeps hold of processes that run participants' code; avoid deciding what their
deaths mean. Whatever such a process says about itself is checked before it is used: it may name
only process ids of this worker's own session.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from coordinator_pipelines.models.model_log import Log

GRACE_SECONDS = 2.0
"""How long a killed process may take to be gone before the one above it is killed too."""
KILL_ROUNDS = 1000
MESSAGE_BYTES = 4096
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
CLEAN_ENVIRONMENT = {
    "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""A model's process finds these, HOME, TMPDIR and PYTHONPATH in its environment: no secrets."""
SCRIPT = Path(__file__).with_name("participant.py")


def guard_process() -> None:
    """Make this process hear of its parent's death and inherit every orphan below it (Linux).

    It is also made undumpable, so that its descendants cannot open its file descriptors.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        libc.prctl(PR_SET_DUMPABLE, 0)


def kill_orphans(keep: int | None) -> None:
    """Kill all children of this process but one; orphans of theirs become children in turn."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    for _ in range(KILL_ROUNDS if listing.exists() else 0):
        children = [int(word) for word in listing.read_text().split()]
        orphans = [child for child in children if child != keep]
        if not orphans:
            return
        for orphan in orphans:
            with suppress(OSError):
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


class ModelProcess:
    """The process that imports the model, once started, and at most one child of it at a time."""

    def __init__(self, directory: Path, base_class: str, shared: str, log: Log, home: str) -> None:
        self._arguments = (sys.executable, "-B", "-P", "-s", "-u", str(SCRIPT), base_class)
        self._directory = directory
        self._log = log
        own = {"HOME": home, "TMPDIR": home, "PYTHONPATH": shared}
        self._environment = {**CLEAN_ENVIRONMENT, **own}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._messages = b""
        self._child: int | None = None
        self.child_runs = False
        self.exit_code: int | None = None
        """How the last child ended; negative for a signal."""

    @property
    def running(self) -> bool:
        """Whether the process has been started and not been stopped."""
        return self._process is not None

    @property
    def control(self) -> socket.socket:
        """Readable when the process has something to say."""
        if self._control is None:
            raise RuntimeError("the model's process has not been started")
        return self._control

    def start(self) -> None:
        """Start it; the first message is ``ready`` or ``failed REASON``."""
        self._control, theirs = socket.socketpair()
        self._control.settimeout(GRACE_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                (*self._arguments, str(theirs.fileno())),
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=self._log.pipe,
                stderr=self._log.pipe,
                pass_fds=(theirs.fileno(),),
            )

    def fork(self, request: BinaryIO) -> int:
        """Have it fork a child for the request; the read end of the child's pipe."""
        results, theirs = os.pipe()
        os.set_blocking(results, False)
        self.child_runs, self.exit_code = True, None
        with suppress(OSError):
            socket.send_fds(self.control, [b"r"], [request.fileno(), theirs])
        os.close(theirs)
        return results

    def messages(self) -> list[list[str]] | None:
        """The words of each message that has come; None when the process has gone or raves."""
        try:
            data = self.control.recv(MESSAGE_BYTES)
            *lines, self._messages = (self._messages + data).split(b"\n")
            messages = [line.decode("ascii").split(" ", 1) for line in lines]
            self._note(messages)
        except (OSError, ValueError, IndexError):
            return None
        return messages if data and len(self._messages) < MESSAGE_BYTES else None

    def _note(self, messages: list[list[str]]) -> None:
        for word, *rest in messages:
            if word == "pid":
                self._child = int(rest[0])
            elif word == "exit":
                self.exit_code = os.waitstatus_to_exitcode(int(rest[0]) & 0xFFFF)
                self.child_runs, self._child = False, None

    def end_child(self) -> None:
        """Kill the child, if it still runs, and all that it started."""
        deadline = time.monotonic() + GRACE_SECONDS
        while self.child_runs and self.running:
            if self._child is not None:
                self._kill(self._child)
            if self.messages() is None or time.monotonic() > deadline:
                self.stop()
        kill_orphans(self._process.pid if self._process else None)

    def _kill(self, child: int) -> None:
        own = {os.getpid(), self._process.pid if self._process else 0}
        with suppress(OSError):
            if child > 1 and child not in own and os.getsid(child) == os.getsid(0):
                os.kill(child, signal.SIGKILL)
                os.killpg(child, signal.SIGKILL)

    def wait(self) -> int | None:
        """The exit code of a process that is about to end; None when it does not."""
        try:
            return self._process.wait(GRACE_SECONDS) if self._process else None
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Kill it and all that it started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.control.close()
        self._process = self._control = self._child = None
        self._messages, self.child_runs = b"", False
        kill_orphans(None)
