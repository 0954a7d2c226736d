"""Programs that run side by side until the user stops them; one that dies or hangs starts again.

Add here what concerns any program; avoid what the programs are (``dev``).
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordinator_pipelines import private
from coordinator_pipelines.stack import interruption
from coordinator_pipelines.stack.daemon import kill, stop

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 60.0
"""A program that ran for so long starts again at once, and with fresh patience."""
HOPELESS_DEATHS = 3
"""A program that has died so often before anybody saw it ready will not get ready."""
POLL_SECONDS = 0.25
ASK_EVERY_SECONDS = 10.0
UNANSWERED, UNANSWERED_AT_FIRST = 12, 100
"""How often in a row a program may give no sign of life: in its midst, and before its first one."""
LONGEST_LOG = 32 * 2**20
"""Bytes; a log that is longer becomes ``<name>.log.1``, in the place of the one before."""
PR_SET_PDEATHSIG = 1


@dataclass
class Program:
    """One program, its log, and how often it has died lately."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    pass_fds: tuple[int, ...] = ()
    process: "subprocess.Popen[Any] | None" = None
    started_at: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    once: bool = False
    sign_of_life: Callable[[], bool] | None = None
    """Asked from time to time while it runs; None: only its end is noticed."""
    ask_at: float = 0.0
    unanswered: int = 0
    answered: bool = False

    def start(self) -> None:
        """Start it, in a process group of its own."""
        with private.appended(self.log) as output:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=self.pass_fds,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (commands have no threads)
            )
        self.started_at = self.ask_at = time.monotonic()
        self.unanswered, self.answered = 0, False

    def hangs(self, now: float) -> bool:
        """Whether it runs but has given no sign of life for long; asks it if that is due."""
        if self.process is None or self.sign_of_life is None or now < self.ask_at:
            return False
        self.ask_at = now + ASK_EVERY_SECONDS
        if self.sign_of_life():
            self.unanswered, self.answered = 0, True
        else:
            self.unanswered += 1
        return self.unanswered >= (UNANSWERED if self.answered else UNANSWERED_AT_FIRST)

    def kill(self) -> None:
        """End it at once: what hangs heeds no request."""
        if self.process is not None:
            kill(self.process)

    def turn_log_over(self, longest: int) -> None:
        """Begin the log anew once it is longer; the program has it open, so it is emptied."""
        with suppress(OSError):  # it was taken away, or the disk is full: nobody stops for that
            if self.log.stat().st_size > longest:
                shutil.copy(self.log, f"{self.log}.1")
                os.truncate(self.log, 0)

    def stop(self) -> None:
        """Stop it, and all that it started."""
        if self.process is not None:
            stop(self.process)


@dataclass
class Supervisor:
    """Keeps programs running."""

    tell: Callable[[str], None]
    programs: list[Program] = field(default_factory=list)
    longest_log: int = LONGEST_LOG

    def start(self, program: Program) -> None:
        """Start a program, and keep it running from now on."""
        self.programs.append(program)
        program.start()

    def run_once(self, program: Program) -> None:
        """Start a program that ends by itself; it is stopped with the others, not started again."""
        program.once = True
        self.start(program)

    def watch(self) -> None:
        """Look after all programs once."""
        interruption.check()
        now = time.monotonic()
        for program in self.programs:
            if program.hangs(now):
                self.tell(f"{program.name} gives no sign of life and is killed")
                program.kill()
            if program.process is not None and program.process.poll() is not None:
                self._ended(program, now)
            if program.process is None and not program.once and now >= program.start_at:
                program.start()
            program.turn_log_over(self.longest_log)

    def wait_for(
        self, ready: Callable[[], bool], seconds: float, of: Program | None = None
    ) -> bool:
        """Look after all programs until something is so, at most for a while; whether it is.

        ``of``: the program that makes it so; it will not if it keeps dying.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            hopeless = of is not None and of.deaths >= HOPELESS_DEATHS
            if hopeless or time.monotonic() > deadline:
                return False
            self.watch()
            time.sleep(POLL_SECONDS)
        return True

    def stop(self) -> None:
        """Stop all programs side by side, and after them the first, which the others need."""
        running = [each.process for each in self.programs if each.process is not None]
        first = self.programs[0].process if self.programs else None
        stop(*(process for process in running if process is not first))
        if first is not None:
            stop(first)

    def _ended(self, program: Program, now: float) -> None:
        status = program.process.returncode if program.process else None
        program.stop()
        program.process = None
        if program.once:
            return
        steady = now - program.started_at > STEADY_SECONDS
        program.deaths = 1 if steady else program.deaths + 1
        pause = 0.0 if steady else min(FIRST_PAUSE * 2 ** (program.deaths - 1), LONGEST_PAUSE)
        program.start_at = now + pause
        how = f"was killed by signal {-status}" if status and status < 0 else f"ended ({status})"
        self.tell(f"{program.name} {how}; it is started again in {pause:g} s. Log: {program.log}")


@contextmanager
def supervision(tell: Callable[[str], None]) -> Iterator[Supervisor]:
    """A supervisor; at the end of the block all its programs are stopped."""
    supervisor = Supervisor(tell)
    try:
        yield supervisor
    finally:
        supervisor.stop()


def _die_with_parent() -> None:
    """Leave nothing behind when this command is killed; where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
