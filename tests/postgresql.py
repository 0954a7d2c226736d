"""A throw-away PostgreSQL server for tests: found on this machine, started, removed.

The server listens on a Unix socket in a temporary directory only. PostgreSQL refuses to run as
root, so there it runs as an unprivileged user.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/latest/bin",
)
UNPRIVILEGED = ("postgres", "nobody")
SUPERUSER = "coordinator"


def find_binaries() -> Path | None:
    """The directory with the server's programs, or None if none is installed."""
    candidates = [Path(found).parent for found in [shutil.which("initdb")] if found]
    if pg_config := shutil.which("pg_config"):
        shown = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        candidates.append(Path(shown.stdout.strip()))
    for place in PLACES:
        candidates += sorted(Path("/").glob(place.lstrip("/")), reverse=True)
    complete = [
        one for one in candidates if (one / "initdb").exists() and (one / "pg_ctl").exists()
    ]
    return complete[0] if complete else None


class PostgresServer:
    """A server of one's own, from ``with`` to its end.

    Args:
        durable: keep the settings that survive a power cut (for benchmarks); tests do not.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        # Not below pytest's directories: a socket's path has room for about 100 bytes.
        self._home = Path(tempfile.mkdtemp(prefix="pg-"))

    def __enter__(self) -> Self:
        user = _unprivileged_user()
        if user:
            shutil.chown(self._home, user)
        data = str(self._home / "data")
        self._run("initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pid():
            self.stop("immediate")
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers. A crashed one recovers first."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._home}'"
        if not self._durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        log = str(self._home / "log")
        self._control("-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``fast`` ends its connections, ``immediate`` is a crash."""
        self._control("-m", mode, "stop")

    def kill(self) -> None:
        """Kill it the hard way, and wait until the last of its processes is gone. Linux."""
        pid = self._pid()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while any(Path(f"/proc/{child}").exists() for child in children):
            assert time.monotonic() < deadline, f"processes of a dead server are left: {children}"
            time.sleep(0.05)
        (self._home / "data" / "postmaster.pid").unlink()

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self._home}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database, as a copy of ``template``; its URL."""
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _pid(self) -> int:
        """The server's process id; 0 if it does not run."""
        noted = self._home / "data" / "postmaster.pid"
        return int(noted.read_text().split()[0]) if noted.exists() else 0

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._home / "data"), "-w", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        binaries = find_binaries()
        if binaries is None:
            raise FileNotFoundError("no PostgreSQL server binary; install postgresql")
        options: dict[str, Any] = {"cwd": self._home, "stdin": subprocess.DEVNULL}
        if user := _unprivileged_user():
            options |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        # The server inherits its starter's streams: a pipe would never end.
        told = self._home / f"{program}.out"
        with told.open("ab") as out:
            command = [binaries / program, *arguments]
            ended = subprocess.run(command, check=False, stdout=out, stderr=out, **options)
        if ended.returncode:
            raise RuntimeError(f"{program} failed: {told.read_text()}")


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in UNPRIVILEGED if user in known)
