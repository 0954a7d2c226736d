"""Frames as one Parquet file, written while it is sent.

Add here what concerns the format; avoid importing pyarrow before a file is asked for: it is an
optional extra.
"""

import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pandas as pd

TYPES = {
    "id": "string", "mode": "string", "prediction_config_id": "string", "scope_key": "string",
    "model_id": "string", "performed_at": "instant", "resolvable_at": "instant",
    "version": "int64", "status": "string", "output_json": "string", "exec_time_ms": "double",
    "code_hash": "string", "value": "double", "success": "bool", "rule": "string",
    "scorer": "string", "prediction_version": "int64", "truth_version": "int64",
}  # fmt: skip
"""Column -> type. Given, not guessed: a part whose column is empty has the type of the rest."""
WHOLE = tuple(name for name, kind in TYPES.items() if kind == "int64")
"""Columns of whole numbers, of which some may be missing."""


def parquet_parts(frames: Iterator[pd.DataFrame]) -> Iterator[bytes]:
    """The bytes of one Parquet file with a row group per frame.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    instant = pa.timestamp("us", tz="UTC")
    sink = _Sink()
    writer: Any = None
    for frame in frames:
        if writer is None:
            kinds = {name: TYPES[str(name)] for name in frame}
            schema = pa.schema([(n, instant if k == "instant" else k) for n, k in kinds.items()])
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
