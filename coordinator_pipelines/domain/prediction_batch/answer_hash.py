"""The hash of a stored answer, by which a row that was changed afterwards is told.

Add here what the hash covers; avoid what becomes of an answer that does not fit its own
(``score.scoring``). It covers all that a score depends on: the cell's key, what was answered and
both verdicts, but not which run stored it and how long the model took. It has no secret: it tells
that a row was changed, not by whom, and whoever computes it anew is not told.
"""

import hashlib
import json
import operator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.values.content import as_read

INSTANTS = ("performed_at", "resolvable_at")
TEXTS = (
    "id", "mode", "prediction_config_id", "model_id", "scope_key", "status", "runner_status",
    "failed_reason", "code_hash",
)  # fmt: skip
DOCUMENTS = ("output_json", "raw_output_json")
HASHED_COLUMNS = ("version", *INSTANTS, *TEXTS, *DOCUMENTS)
"""What the hash covers; ``id`` names the challenge."""
_ROW = "\0".join(["%s"] * len(HASHED_COLUMNS))


def answer_hashes(predictions: pd.DataFrame) -> list[str]:
    """SHA-256 of each row's HASHED_COLUMNS, documents in canonical form: 64 hexadecimal digits.

    The same before a row was stored and after it was read, whatever the database. The fields are
    parted by NUL, which no stored text holds; what is missing is the word None.
    """
    told = [_with_none(predictions[name]) for name in TEXTS]
    documents = [list(map(_canonical, _with_none(predictions[name]))) for name in DOCUMENTS]
    return _hashes(predictions, [*told, *documents])


def is_unchanged(predictions: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each row fits its ``answer_hash``.

    A document that the database returns in its canonical form, as most are, is not parsed: what
    fits as it stands is that form.
    """
    stored = predictions["answer_hash"].tolist()
    told = [predictions[name].tolist() for name in (*TEXTS, *DOCUMENTS)]
    unchanged = _equal(_hashes(predictions, told), stored)
    rest = np.flatnonzero(~unchanged)
    unchanged[rest] = _equal(answer_hashes(predictions.iloc[rest]), [stored[i] for i in rest])
    return unchanged


def _equal(ours: list[str], stored: list[str | None]) -> NDArray[np.bool_]:
    return np.fromiter(map(operator.eq, ours, stored), dtype=bool, count=len(ours))


def _hashes(predictions: pd.DataFrame, told: list[list[str | None]]) -> list[str]:
    version = predictions["version"].astype("int64").tolist()
    instants = [
        predictions[name].to_numpy("datetime64[us]").astype("int64").tolist() for name in INSTANTS
    ]
    rows = zip(version, *instants, *told, strict=True)
    sha256 = hashlib.sha256
    return [sha256((_ROW % row).encode()).hexdigest() for row in rows]


def _with_none(values: "pd.Series[str]") -> list[str | None]:
    missing = values.isna().tolist()
    return [None if gone else text for text, gone in zip(values, missing, strict=True)]


def _canonical(text: str | None) -> str | None:
    """The document with sorted keys; parted as PostgreSQL returns it, and SQLite as it was given.

    What is no JSON text, which is no answer of ours, stays as it is.
    """
    if text is None:
        return None
    try:
        return json.dumps(as_read(json.loads(text)), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return text
