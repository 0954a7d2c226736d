"""Completes docs/database-schema.md with the columns of each table, read from the tables.

Add here what is told of a column; avoid what a table is for: that is written on the page.
"""

import re

from mkdocs.exceptions import PluginError
from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite

from coordinator_pipelines.storage.tables import metadata

PAGE = "database-schema.md"
MARK = re.compile(r"<!-- columns of (\w+) -->")
HEAD = "| column | PostgreSQL | SQLite | may be null | |\n|---|---|---|---|---|\n"


def on_page_markdown(markdown: str, page, **_) -> str:
    """The page with the columns; an error if it does not name each table exactly once."""
    if page.file.src_uri != PAGE:
        return markdown
    named = MARK.findall(markdown)
    if sorted(named) != sorted(metadata.tables):
        wrong = sorted(set(named) ^ set(metadata.tables)) or named
        raise PluginError(f"{PAGE} must name each table once; look at {', '.join(wrong)}")
    return MARK.sub(lambda mark: columns(metadata.tables[mark[1]]), markdown)


def columns(table: Table) -> str:
    """The columns of a table, its key first, and how its rows are identified."""
    ordered = sorted(table.columns, key=lambda column: not column.primary_key)
    key = ", ".join(f"`{name}`" for name in table.info["key"])
    said = f"Identified by {key}" + ("; one row per `version`" if "version" in table.c else "")
    indexes = "".join(f"; index on {_names(index.columns)}" for index in _indexes(table))
    return HEAD + "".join(map(_row, ordered)) + f"\n{said}{indexes}.\n"


def _indexes(table: Table):
    return sorted(table.indexes, key=lambda index: str(index.name))


def _names(found) -> str:
    return ", ".join(f"`{column.name}`" for column in found)


def _row(column: Column) -> str:
    types = [
        str(column.type.compile(dialect.dialect())).partition(" COLLATE")[0].lower()
        for dialect in (postgresql, sqlite)
    ]
    references = [f"→ `{key.target_fullname}`" for key in column.foreign_keys]
    notes = " ".join(["key" if column.primary_key else "", *references]).strip()
    null = "yes" if column.nullable else ""
    return f"| `{column.name}` | {types[0]} | {types[1]} | {null} | {notes} |\n"
