"""Frames as one Parquet file, written while it is sent.

Add here what concerns sending one; its columns are ``archive.parquet``'s. Avoid importing pyarrow
before a file is asked for: it is an optional extra.
"""

import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pandas as pd

from coordinator_pipelines.archive.parquet import schema_of


def parquet_parts(frames: Iterator[pd.DataFrame]) -> Iterator[bytes]:
    """The bytes of one Parquet file with a row group per frame.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    sink = _Sink()
    writer: Any = None
    for frame in frames:
        if writer is None:
            schema = schema_of(map(str, frame))
            writer = pq.ParquetWriter(sink, schema)
        writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
        yield sink.taken()
    if writer is not None:
        writer.close()
        yield sink.taken()


class _Sink(io.RawIOBase):
    """Takes bytes, and gives those that came since the last time."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """It is only for writing."""
        return True

    def tell(self) -> int:
        """How many bytes came in all."""
        return self._position

    def write(self, data: Any, /) -> int:
        """Keep a copy of the bytes."""
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def taken(self) -> bytes:
        """The bytes since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
