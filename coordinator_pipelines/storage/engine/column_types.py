"""Column types and defaults whose form differs between PostgreSQL and SQLite.

Add a type here when the two dialects need different ones; avoid tables (``tables``) and the
conversion of whole frames (``frames``).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from coordinator_pipelines.domain.timeline.instant import as_utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

ZERO = {"sqlite": 0, "postgresql": (datetime(2000, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND}
"""From which microsecond of the epoch a dialect counts those of an instant."""

KEY_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text of a key: compared by code point on both dialects, whatever the database's locale."""

JSON_TEXT = Text().with_variant(JSONB(), "postgresql")
"""A JSON document: JSONB on PostgreSQL, its text on SQLite. Bulk writes bring it as text."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: timestamptz on PostgreSQL, epoch microseconds on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An integer where the database has no type for instants."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive instants; count microseconds for SQLite."""
        if value is None:
            return None
        instant = as_utc(value)
        return (instant - EPOCH) // MICROSECOND if dialect.name == "sqlite" else instant

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Always in UTC, whatever the time zone of the server or of this process."""
        if value is None:
            return None
        return EPOCH + value * MICROSECOND if dialect.name == "sqlite" else as_utc(value)


class utc_now(FunctionElement[datetime]):
    """The instant of the write, by the database's clock."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_now, "postgresql")
def _postgresql_now(_element: utc_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "now()"


@compiles(utc_now, "sqlite")
def _sqlite_now(_element: utc_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
