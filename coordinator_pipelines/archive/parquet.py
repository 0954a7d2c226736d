"""Which columns files have, and of what type: the schema of exports, here and over the Report API.

Add a column's type here; avoid importing pyarrow before a file is wanted: it is an optional extra.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

TYPES = {
    "as_of": "instant", "code_hash": "string", "entries_json": "string",
    "entry_price": "double", "exec_time_ms": "double", "failed_reason": "string",
    "final": "bool", "id": "string", "meta_json": "string", "model_id": "string",
    "mode": "string", "outcome": "double", "output_json": "string", "payload_json": "string",
    "performed_at": "instant", "prediction_config_id": "string", "prediction_version": "int64",
    "reason": "string", "resolvable_at": "instant", "resolved_price": "double", "rule": "string",
    "runner_status": "string", "scope_key": "string", "scorer": "string", "state": "string",
    "status": "string", "subject": "string", "success": "bool", "truth_version": "int64",
    "value": "double", "version": "int64",
}  # fmt: skip
"""Column -> type. Given, not guessed: a part whose column is empty has the type of the rest."""
WHOLE = tuple(name for name, kind in TYPES.items() if kind == "int64")
"""Columns of whole numbers, of which some may be missing."""


def schema_of(names: Iterable[str]) -> Any:
    """The Arrow schema of some columns; an ``instant`` is in microseconds, UTC.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    pa = import_module("pyarrow")
    kinds = ((name, TYPES[name]) for name in names)
    instant = pa.timestamp("us", tz="UTC")
    return pa.schema([(name, instant if kind == "instant" else kind) for name, kind in kinds])
