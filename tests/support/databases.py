"""Empty databases, made once and copied."""

import functools
import tempfile
from pathlib import Path

from coordinator_pipelines.storage import schema


def empty_sqlite(path: Path) -> str:
    """URL of a new SQLite database at a path, with the newest schema and nothing in it."""
    path.write_bytes(_empty())
    return f"sqlite:///{path}"


@functools.cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        schema.upgrade(f"sqlite:///{path}")
        return path.read_bytes()
