"""PostgreSQL's own programs for dumps: found, and run with the connection that a URL describes.

Add a program here; avoid deciding what is dumped or restored (``postgresql``).
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from coordinator_pipelines.domain.values.errors import LedgerError
from coordinator_pipelines.storage.engine.database import REACH, describe, server_options

PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/libpq/bin")
"""Where distributions put what they leave out of PATH, below the root; the newest one is used."""
SECRETS = ("password", "sslpassword")


def find(program: str) -> Path:
    """The program, from PATH or from where PostgreSQL's packages put it.

    Raises:
        LedgerError: it is not installed; the message says what to install.
    """
    if found := shutil.which(program):
        return Path(found)
    installed = [path for place in PLACES for path in Path("/").glob(f"{place}/{program}")]
    if not installed:
        raise LedgerError(
            f"{program} is not installed; install PostgreSQL's client programs "
            "(postgresql-client on Debian), of the server's version or a newer one"
        )
    return max(installed, key=_version)


def run(
    program: str, *arguments: str | Path, url: URL | None, environment: Mapping[str, str]
) -> str:
    """Run a program to its end, on the database of ``url`` if given; what it printed.

    The password is put into the program's environment: a command line can be read by everybody
    on the machine.

    Raises:
        LedgerError: the program is not installed, or failed; the message is the program's own.
    """
    command, environment = [find(program), *arguments], dict(environment)
    if url is not None:
        known = url.get_dialect()().create_connect_args(url)[1]
        if password := known.get("password"):
            environment["PGPASSWORD"] = password
        given = {name: value for name, value in known.items() if name not in SECRETS}
        options = {"options": server_options(url)}
        command += ["--dbname", make_conninfo(**{**REACH, **given, **options})]
    ended = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        raise _failure(program, ended.stderr, url)
    return ended.stdout


def _failure(program: str, said: str, url: URL | None) -> LedgerError:
    told, where = " ".join(said.split())[-800:], "" if url is None else f" on {describe(url)}"
    return LedgerError(f"{program} failed{where}: {told}")


def _version(path: Path) -> tuple[int, ...]:
    digits = "".join(sign if sign.isdigit() else " " for sign in str(path))
    return tuple(map(int, digits.split()))
