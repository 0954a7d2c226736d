"""The database of a challenge, as commands find it.

Add here what every command needs before it uses one; avoid what ``coordinator db`` does.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import LedgerError, LedgerUnavailableError
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.engine.database import Database
from coordinator_pipelines.storage.sql_ledger import SqlLedger

RETRY_SECONDS = 2.0


def set_up_database(challenge: Challenge) -> str:
    """The URL of the challenge's database, which has its schema and belongs to no other one."""
    url = settings.database_url(challenge.name)
    require_place(url)
    schema.upgrade(url)
    with closing(open_ledger(challenge)) as ledger:
        ledger.identify(challenge.identity)
    return url


def require_place(url: str) -> None:
    """Refuse to make the directory of a database that somebody has named: it may be misspelt.

    Raises:
        LedgerError: it does not exist, or the URL is wrong.
    """
    file = Database(url).sqlite_file
    if file is not None and not file.parent.is_dir() and file.parent != settings.databases():
        raise LedgerError(
            f"the database is to be {file}, but the directory {file.parent} does not exist; make "
            f"it, or correct {settings.URL_VARIABLE}"
        )


def open_ledger(challenge: Challenge) -> SqlLedger:
    """The challenge's ledger.

    Raises:
        LedgerUnavailableError: its database does not answer for now.
        LedgerError: it cannot be used as it is.
    """
    url = settings.database_url(challenge.name)
    return SqlLedger(url, statistics_bucket=challenge.statistics_bucket)


@contextmanager
def opened_ledger(spec: Path | None) -> Iterator[tuple[Challenge, Ledger]]:
    """The challenge and its ledger, which belongs to no other one."""
    challenge = load_challenge(spec or starter_spec())
    with closing(open_ledger(challenge)) as ledger:
        ledger.identify(challenge.identity)
        yield challenge, ledger


def await_ledger(
    challenge: Challenge, tell: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> SqlLedger:
    """The same, for a server: it waits for a database that does not answer, and says so once.

    Raises:
        LedgerError: the database cannot be used as it is.
    """
    told = False
    while True:
        try:
            return open_ledger(challenge)
        except LedgerUnavailableError as error:
            if not told:
                tell(f"{error}; trying again every {RETRY_SECONDS:g} s")
            told = True
            sleep(RETRY_SECONDS)
