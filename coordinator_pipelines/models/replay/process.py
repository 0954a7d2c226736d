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

from coordinator_pipelines.models import isolation
from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.replay.lodging import Lodging
from coordinator_pipelines.models.submission import RESOURCES

GRACE_SECONDS = 2.0
"""How long a killed process may take to be gone before the one above it is killed too."""
KILL_ROUNDS = 1000
REAP_SECONDS = 0.001
"""How long a sandbox may take to notice that a process of its has ended."""
MESSAGE_BYTES = 4096
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
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


def children_of(process: int) -> list[int]:
    """The children of a process, oldest first; none if it has ended, or nobody tells."""
    try:
        return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
    except (FileNotFoundError, ProcessLookupError):
        return []


def number_inside(process: int) -> int:
    """The number by which a process knows itself, which may be another one; 0 if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(status.partition("NSpid:")[2].partition("\n")[0].split()[-1])


def kill_orphans(adopter: int, keep: int | None) -> None:
    """Kill all children of a process but one; orphans of theirs become children in turn."""
    for _ in range(KILL_ROUNDS):
        orphans = [child for child in children_of(adopter) if child != keep]
        if not orphans:
            return
        for orphan in orphans:
            with suppress(OSError):
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)
        if adopter != os.getpid():
            time.sleep(REAP_SECONDS)


class ModelProcess:
    """The process that imports the model, once started, and at most one child of it at a time."""

    def __init__(self, lodging: Lodging, base_class: str, log: Log, home: Path) -> None:
        self._lodging = lodging
        self._base_class = base_class
        self._log = log
        self._home = home
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
        tier, place = self._lodging.tier, self._lodging.place
        self._control, theirs = socket.socketpair()
        self._control.settimeout(GRACE_SECONDS)
        script = SCRIPT.read_text(encoding="utf-8")
        with theirs:
            argv = ["-P", "-s", "-c", script, self._base_class, str(theirs.fileno())]
            lodging, group = self._lodging, self._lodging.cgroup
            self._process = subprocess.Popen(
                isolation.command(
                    tier,
                    lodging.environment,
                    place,
                    lodging.memory_bytes,
                    argv,
                    group.path if group else None,
                ),
                cwd=place.code,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=self._log.pipe,
                stderr=self._log.pipe,
                pass_fds=(theirs.fileno(),),
            )

    def _variables(self) -> dict[str, str]:
        found = isolation.variables(self._lodging.tier, self._lodging.place)
        own = {} if self._lodging.tier.isolated else {"HOME": self._home, "TMPDIR": self._home}
        return found | {name: str(path) for name, path in own.items()} | {"PYTHONHASHSEED": "0"}

    def writable(self) -> list[Path]:
        """The directories that the model may write to, as they are seen from here."""
        if not self._lodging.tier.isolated:
            return [self._home, self._lodging.place.code / RESOURCES]
        inside = Path(f"/proc/{self._model}/root")
        return [inside / "tmp", inside / "dev" / "shm", inside / "model" / RESOURCES]

    @property
    def _adopter(self) -> int:
        """The process that inherits what a model leaves running."""
        if self._process is None or not self._lodging.tier.isolated:
            return os.getpid()
        return next(iter(children_of(self._process.pid)), 0)

    @property
    def _model(self) -> int:
        """The process that holds the imported model."""
        if self._process is None or not self._lodging.tier.isolated:
            return self._process.pid if self._process else 0
        return next(iter(children_of(self._adopter)), 0)

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
                named, own = int(rest[0]), children_of(self._model)
                self._child = next((each for each in own if number_inside(each) == named), None)
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
        kill_orphans(self._adopter, self._model)

    def _kill(self, child: int) -> None:
        """Kill a child, if it still is one, and its process group."""
        with suppress(OSError):
            if child in children_of(self._model):
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
            sandbox = self._adopter
            if sandbox not in (0, os.getpid()):
                with suppress(OSError):
                    os.kill(sandbox, signal.SIGKILL)  # and with it all that is in there
            self._process.kill()
            self._process.wait()
            self.control.close()
        self._process = self._control = self._child = None
        self._messages, self.child_runs = b"", False
        kill_orphans(os.getpid(), None)
