"""Backups of a PostgreSQL database: ``pg_dump``'s custom format, restored in one transaction.

Add here what concerns such files; avoid what a backup must contain (``backup``).
"""

import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL

from coordinator_pipelines.storage.backup import postgresql_tools

MAGIC = b"PGDMP"
_PLAIN = ("--no-owner", "--no-privileges")
_ROWS = re.compile(r"^COPY (?:\w+\.)?(\w+) \((.*?)\) FROM stdin;\n(.*?)^\\\.$", re.M | re.S)


def dump(url: URL, file: Path, environment: Mapping[str, str]) -> None:
    """Write the database, as it is at one moment, to a file.

    Raises:
        LedgerError: ``pg_dump`` is missing or failed.
    """
    arguments = ("--format=custom", *_PLAIN, "--file", file)
    postgresql_tools.run("pg_dump", *arguments, url=url, environment=environment)


def rows(file: Path, table: str, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of a small table in a dump, as text; none if there is no such table.

    Raises:
        LedgerError: ``pg_restore`` is missing, or cannot read the file.
    """
    arguments = ("--data-only", f"--table={table}", "--file=-", file)
    text = postgresql_tools.run("pg_restore", *arguments, url=None, environment=environment)
    return [
        dict(zip(names.split(", "), line.replace(r"\\", "\\").split("\t"), strict=True))
        for name, names, lines in _ROWS.findall(text)
        if name == table
        for line in lines.splitlines()
    ]


def load(file: Path, url: URL, environment: Mapping[str, str]) -> None:
    """Replace the tables of the database by those of the file, all or nothing.

    Raises:
        LedgerError: ``pg_restore`` is missing or failed; the database is as it was.
    """
    arguments = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", *_PLAIN, file)
    postgresql_tools.run("pg_restore", *arguments, url=url, environment=environment)
