"""The ``coordinator`` command as a user runs it: a process, an environment, a home of its own.

Add here what tests of several commands need; avoid what one command prints.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.support import fork_server

MINUTES = 60.0


@dataclass(frozen=True)
class Result:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that it said."""
        return self.out + self.err


@dataclass(frozen=True)
class Commands:
    """Runs commands with an empty HOME, another time zone, and nothing else of our environment."""

    directory: Path
    python: Path = Path(sys.executable)
    extra: Mapping[str, str] = field(default_factory=dict)
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """COORDINATOR_HOME."""
        return self.directory / "coordinator"

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the commands."""
        user = self.directory / "user"
        user.mkdir(exist_ok=True, parents=True)
        return {
            "PATH": os.defpath,
            "HOME": str(user),
            "LANG": "C.UTF-8",
            "TZ": "America/St_Johns",
            "COORDINATOR_HOME": str(self.home),
            **self.extra,
        }

    def start(
        self,
        *arguments: str,
        program: str = "coordinator",
        cwd: Path | None = None,
        log: Path | None = None,
    ) -> "subprocess.Popen[str]":
        """Start a command in a session of its own, so that a signal hits nobody else.

        What it says goes to pipes, or to ``log`` for one that says much before it ends.
        """
        output = log.open("w") if log else None
        process = subprocess.Popen(
            [str(self.python.with_name(program)), *arguments],
            env=self.environment,
            cwd=cwd or self.directory,
            stdin=subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=output or subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if output:
            output.close()
        self.started.append(process)
        return process

    def run(
        self,
        *arguments: str,
        timeout: float = 10 * MINUTES,
        program: str = "coordinator",
        cwd: Path | None = None,
    ) -> Result:
        """Run a command to its end."""
        if (str(self.python), program) == (sys.executable, "coordinator"):
            return self._forked(arguments, timeout, cwd)
        process = self.start(*arguments, program=program, cwd=cwd)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{arguments} took over {timeout} s:\n{out}\n{err}") from None
        return Result(process.returncode, out, err)

    def _forked(self, arguments: Sequence[str], timeout: float, cwd: Path | None) -> Result:
        with (
            Path(os.devnull).open("rb") as nothing,
            TemporaryFile("w+") as out,
            TemporaryFile("w+") as err,
        ):
            directory = cwd or self.directory
            status = fork_server.run(
                arguments, self.environment, directory, (nothing, out, err), timeout
            )
            out.seek(0)
            err.seek(0)
            return Result(status, out.read(), err.read())

    def succeed(self, *arguments: str, **options: Any) -> str:
        """Run a command that must succeed; what it printed."""
        result = self.run(*arguments, **options)
        assert result.status == 0, result.said
        return result.out

    def refuse(self, *arguments: str, **options: Any) -> str:
        """Run a command that must end in one plain message; the message."""
        result = self.run(*arguments, **options)
        assert result.status == 1, result.said
        assert "Traceback" not in result.said
        assert result.err.startswith("Error: ")
        return result.err

    def end_all(self) -> None:
        """Kill what is left of what was started, after a test that failed half-way."""
        for process in self.started:
            if process.returncode is None:
                for pid in family(process.pid):
                    with suppress(ProcessLookupError):  # it may end by itself meanwhile
                        os.kill(pid, signal.SIGKILL)
                process.communicate()

    def database(self, slug: str = "btc-up-down") -> Path:
        """The SQLite file of a challenge."""
        return self.home / "databases" / f"{slug}.db"

    def counts(self, slug: str = "btc-up-down") -> dict[str, int]:
        """Rows of every table of a challenge."""
        with closing(sqlite3.connect(self.database(slug))) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for (table,) in tables.fetchall()
            }

    def boards(self, mode: str = "replay", slug: str = "btc-up-down") -> list[tuple[Any, ...]]:
        """Every board of a mode, without what differs between two runs."""
        query = (
            "SELECT as_of, version, final, entries_json FROM leaderboards "
            "WHERE mode = ? ORDER BY as_of, version"
        )
        with closing(sqlite3.connect(self.database(slug))) as connection:
            return connection.execute(query, (mode,)).fetchall()


def wait_for(what: Callable[[], Any], *, seconds: float = 60, why: str) -> Any:
    """The first true value of ``what``; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"after {seconds:.0f} s: {why}")


def family(pid: int) -> dict[int, str]:
    """A process and all that descend from it: pid -> command line. Linux."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    members, found = {pid}, True
    while found:
        found = {child for child, parent in parents.items() if parent in members} - members
        members |= found
    return {member: line for member in members if (line := command_line(member))}


def command_line(pid: int) -> str:
    """The command line of a living process; empty for one that is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def require_gone(members: Mapping[int, str], seconds: float = 15) -> None:
    """Fail when one of the processes is still there."""

    def left() -> dict[int, str]:
        return {pid: line for pid, line in members.items() if command_line(pid) == line}

    try:
        wait_for(lambda: not left(), seconds=seconds, why="processes are left")
    finally:
        for pid in left():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def signal_ignored(number: signal.Signals) -> Iterator[None]:
    """Ignore a signal, as a shell does for what it starts in the background."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
