"""How the log of evidence grows: entries appended in the transaction that stores their rows.

Add here what happens when something is committed to; avoid reads for proofs (``evidence``) and
what an entry says (``domain.evidence``).

Whoever appends takes turns with all others, whatever they store, until the transaction ends: so
positions follow one another, and the log cannot fork. That turn is taken last, after everything
else was written. An append reads and writes as many nodes as the tree is high, whatever its size.
"""

import base64
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select

from coordinator_pipelines.domain.doors.evidence import Draft
from coordinator_pipelines.domain.evidence import merkle
from coordinator_pipelines.domain.evidence.notary import Notary
from coordinator_pipelines.domain.evidence.note import base64_text
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.engine.column_types import EPOCH, MICROSECOND
from coordinator_pipelines.storage.engine.database import take_turn
from coordinator_pipelines.storage.tables import (
    evidence_commitments,
    evidence_entries,
    evidence_heads,
    evidence_nodes,
    ledger_identity,
)


def challenge_of(connection: Connection) -> str | None:
    """Whose database it is; None if nobody has claimed it yet."""
    return connection.scalar(select(ledger_identity.c.challenge).where(ledger_identity.c.id == 1))


def append(connection: Connection, drafts: Sequence[Draft], notary: Notary | None) -> None:
    """Append entries to the log, and have its head signed if there is somebody to sign it."""
    if not drafts:
        return
    take_turn(connection, evidence_entries.name)
    size = log_size(connection)
    edge = read_nodes(connection, merkle.complete_nodes(0, size))
    leaves = [merkle.leaf_hash(draft.text.encode()) for draft in drafts]
    new = merkle.grown(size, edge, leaves)
    _insert_entries(connection, size, drafts)
    levels, positions = zip(*new, strict=True)
    hashes = list(map(base64_text, new.values()))
    nodes = {"level": list(levels), "position": list(positions), "hash": hashes}
    bulk.append(connection, evidence_nodes, nodes)
    if notary is not None:
        size += len(drafts)
        head = notary.head(size, merkle.root(size, edge | new), _last_signed(connection))
        connection.execute(
            insert(evidence_heads).values(
                size=head.size,
                root=base64_text(head.root),
                signed_at=head.signed_at,
                verifier_key=head.verifier_key,
                note=head.note,
            )
        )


def log_size(connection: Connection) -> int:
    """How many entries the log has."""
    last = connection.scalar(select(func.max(evidence_entries.c.position)))
    return 0 if last is None else last + 1


def read_nodes(connection: Connection, wanted: Collection[merkle.Node]) -> dict[merkle.Node, bytes]:
    """Hashes of nodes of the tree; only of those that are complete."""
    own = evidence_nodes.c
    levels: dict[int, list[int]] = {}
    for level, position in wanted:
        levels.setdefault(level, []).append(position)
    if not levels:
        return {}
    # A list of pairs would be sought by reading the whole table on SQLite.
    seeks = [and_(own.level == level, own.position.in_(some)) for level, some in levels.items()]
    statement = select(own.level, own.position, own.hash).where(or_(*seeks))
    return {
        (level, position): base64.b64decode(digest)
        for level, position, digest in connection.execute(statement)
    }


def _insert_entries(connection: Connection, size: int, drafts: Sequence[Draft]) -> None:
    entries: dict[str, list[Any]] = {
        "position": list(range(size, size + len(drafts))),
        "kind": [draft.kind.value for draft in drafts],
        "mode": [draft.mode and draft.mode.value for draft in drafts],
        "prediction_config_id": [draft.prediction_config_id for draft in drafts],
        "at": [(draft.at - EPOCH) // MICROSECOND for draft in drafts],
        "version": [draft.version for draft in drafts],
        "entry": [draft.text for draft in drafts],
    }
    bulk.append(connection, evidence_entries, entries)
    made = [
        (position, draft.commitment)
        for position, draft in enumerate(drafts, size)
        if draft.commitment is not None
    ]
    commitments: dict[str, list[Any]] = {
        "position": [position for position, _ in made],
        "seed": [base64_text(commitment.seed) for _, commitment in made],
        "leaves": [json.dumps(commitment.leaves) for _, commitment in made],
    }
    bulk.append(connection, evidence_commitments, commitments)


def _last_signed(connection: Connection) -> datetime | None:
    own = evidence_heads.c
    return connection.scalar(select(own.signed_at).order_by(own.size.desc()).limit(1))
