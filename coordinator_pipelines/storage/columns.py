"""Kinds of columns that tables are made of, and what every table has.

Add a kind of column here; avoid tables (``tables``) and how a dialect stores a type
(``column_types``). Numbers are finite: PostgreSQL would take NaN and infinity, SQLite infinity.
"""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, Double, Integer, MetaData, Table, Text

from coordinator_pipelines.storage.engine.column_types import (
    JSON_TEXT,
    KEY_TEXT,
    UtcDateTime,
    utc_now,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

LARGEST = "1.7976931348623157e308"


def key(name: str, *arguments: Any, **options: Any) -> Column[str]:
    """Text of a key, compared by code point."""
    return Column(name, KEY_TEXT, *arguments, nullable=False, **options)


def text(name: str, *, nullable: bool = True) -> Column[str]:
    """Text of any length."""
    return Column(name, Text, nullable=nullable)


def json(name: str) -> Column[str]:
    """A JSON document; the name ends in ``_json``."""
    return Column(name, JSON_TEXT)


def instant(name: str, *, nullable: bool = False, **options: Any) -> Column[Any]:
    """An aware instant."""
    return Column(name, UtcDateTime, nullable=nullable, **options)


def whole(name: str, *arguments: Any, nullable: bool = False, **options: Any) -> Column[int]:
    """A whole number."""
    return Column(name, Integer, *arguments, nullable=nullable, **options)


def flag(name: str) -> Column[bool]:
    """True or false."""
    return Column(name, Boolean, nullable=False)


def number(name: str, *, nullable: bool = True) -> Column[float]:
    """A finite number."""
    finite = CheckConstraint(f"{name} BETWEEN -{LARGEST} AND {LARGEST}", name=f"{name}_finite")
    return Column(name, Double, finite, nullable=nullable)


def table(name: str, identity: tuple[str, ...], *items: Any, rowid: bool = False) -> Table:
    """A table with ``created_at``; ``identity``: what identifies a row among all its versions."""
    created_at = instant("created_at", server_default=utc_now())
    return Table(
        name, metadata, *items, created_at, sqlite_with_rowid=rowid, info={"key": identity}
    )
