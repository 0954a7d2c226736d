"""Leaves of the small trees that commit to rounds: what each says, and the hashes of many at once.

Add here what a leaf says; avoid the entries that hold the trees' roots (``entry``).

There is a leaf for each model. It is salted, so that its hash tells nothing of the answer; the
salts of a round derive from one secret (HMAC, RFC 2104), so that each can be told without the
others.
"""

import hmac
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from coordinator_pipelines.domain.evidence.canonical import (
    canonical_json,
    canonical_texts,
    instant_text,
    parsed,
)
from coordinator_pipelines.domain.evidence.merkle import EMPTY_ROOT, leaf_hash, node_hash
from coordinator_pipelines.domain.evidence.note import base64_text

CELL_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "model_id", "version", "status", "output_json",
    "raw_output_json",
)  # fmt: skip
"""What is told of a prediction."""


def salt(seed: bytes, model_id: str) -> bytes:
    """The salt of a model's leaf: 32 bytes."""
    return hmac.digest(seed, model_id.encode(), "sha256")


def cell(challenge: str | None, row: Mapping[Hashable, Any], salted_with: bytes) -> dict[str, Any]:
    """What a leaf says: of a prediction, what was answered and what was made of it.

    ``row``: CELL_COLUMNS. ``raw_output`` is the answer as received, null where validation left it
    as it was (then ``output`` is the answer).
    """
    return {
        "challenge": challenge,
        "mode": str(row["mode"]),
        "prediction_config_id": row["prediction_config_id"],
        "performed_at": instant_text(row["performed_at"]),
        "model_id": row["model_id"],
        "version": int(row["version"]),
        "status": str(row["status"]),
        "output": parsed(row["output_json"]),
        "raw_output": parsed(row["raw_output_json"]),
        "salt": base64_text(salted_with),
    }


def leaf_hashes(
    challenge: str | None, cells: Mapping[str, Sequence[Any]], seeds: Sequence[bytes]
) -> list[bytes]:
    """The hashes of leaves: of the canonical JSON of each :func:`cell`, written column by column.

    Args:
        challenge: whose they are.
        cells: CELL_COLUMNS.
        seeds: of each cell, the secret of its round.
    """
    salts = map(salt, seeds, cells["model_id"])
    count = len(seeds)
    documents = canonical_texts([*cells["output_json"], *cells["raw_output_json"]])
    columns = {
        "challenge": _written([challenge] * count),
        "mode": _written(cells["mode"], str),
        "model_id": _written(cells["model_id"]),
        "output": documents[:count],
        "performed_at": _written(cells["performed_at"], instant_text),
        "prediction_config_id": _written(cells["prediction_config_id"]),
        "raw_output": documents[count:],
        "salt": [f'"{base64_text(salted_with)}"' for salted_with in salts],
        "status": _written(cells["status"], str),
        "version": _written(cells["version"], int),
    }
    shape = "{" + ",".join(f'"{name}":%s' for name in columns) + "}"
    rows = zip(*columns.values(), strict=True)
    return [leaf_hash((shape % row).encode()) for row in rows]


def cells_root(hashes: Sequence[bytes]) -> bytes:
    """The root of a round's small tree, as ``merkle.root`` has it: built level by level."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [*map(node_hash, level[::2], level[1::2]), *odd]
    return level[0]


def _written(values: Sequence[Any], plain: Callable[[Any], Any] = lambda value: value) -> list[str]:
    """Canonical JSON of values that repeat a lot, made plain."""
    written = {value: canonical_json(plain(value)).decode() for value in set(values)}
    return [written[value] for value in values]
