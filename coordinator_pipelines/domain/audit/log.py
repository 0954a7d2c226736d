"""The log of evidence anew: entries from the rows that they commit to, nodes from entries.

Add here what ties stored rows to the log; avoid signatures and proofs, which are for third parties
(``verify_evidence``).
"""

import base64
import json
from datetime import timedelta
from typing import Any

from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.finding import GONE, Checked, Difference
from coordinator_pipelines.domain.doors.evidence import Evidence, Kind
from coordinator_pipelines.domain.evidence.canonical import canonical_json
from coordinator_pipelines.domain.evidence.entry import content_digest
from coordinator_pipelines.domain.evidence.leaves import cells_root
from coordinator_pipelines.domain.evidence.merkle import leaf_hash, node_hash
from coordinator_pipelines.domain.evidence.note import base64_text
from coordinator_pipelines.domain.evidence.opening import Opening, openings
from coordinator_pipelines.domain.evidence.proof import log_root
from coordinator_pipelines.domain.timeline.window import Window

STEP, HEADS = "evidence_entries", "evidence_heads"
ENTRIES_PER_READ = 500
MOMENT = timedelta(microseconds=1)


def check_log(audited: Audited, span: Window) -> Checked:
    """The entries about a span, of all modes and versions: its rounds, and boards until its end."""
    checked, books = Checked(STEP), audited.books
    asked = books.positions_about((Kind.PREDICTIONS, Kind.RULING, Kind.TRUTH), span.start, span.end)
    ends = (span.start + MOMENT, span.end + MOMENT)
    positions = sorted([*asked, *books.positions_about((Kind.BOARD, Kind.CHECKPOINT), *ends)])
    for first in range(0, len(positions), ENTRIES_PER_READ):
        chosen = positions[first : first + ENTRIES_PER_READ]
        entries = books.entries_at(chosen)
        checked.rows += len(entries)
        for opening in openings(books, entries, lambda _: True):
            checked.differences += _entry(opening)
        leaves = {entry.position: leaf_hash(entry.text.encode()) for entry in entries}
        checked.differences += _nodes(books, leaves)
    return checked


def check_head(audited: Audited) -> Checked:
    """The newest signed head: it names the root of the log that is stored."""
    head = audited.books.newest_head()
    if head is None:
        return Checked(HEADS)
    root = log_root(audited.books, head.size)
    row = {"size": head.size}
    told = [(head.root, "root"), (base64.b64decode(head.note.split("\n")[2]), "note")]
    return Checked(
        HEADS,
        1,
        [
            Difference(HEADS, row, column, base64_text(said), base64_text(root))
            for said, column in told
            if said != root
        ],
    )


def _entry(opening: Opening) -> list[Difference]:
    """An entry against the rows that it commits to."""
    entry, said = opening.entry, json.loads(opening.entry.text)
    row = {"position": entry.position, "kind": entry.kind.value, "at": entry.at}
    if entry.kind is not Kind.PREDICTIONS:
        if opening.content is None:
            return [Difference(STEP, row, "content", said["content"], GONE)]
        return _unless_equal(row, "content", said["content"], content_digest(opening.content))
    told = []
    for leaf, cell in opening.leaves:
        named = {**row, "model_id": leaf.model_id, "version": leaf.version}
        digest = GONE if cell is None else base64_text(leaf_hash(canonical_json(cell)))
        told += _unless_equal(named, "leaf", leaf.hash, digest)
    root = base64_text(cells_root([base64.b64decode(leaf.hash) for leaf, _ in opening.leaves]))
    return told + _unless_equal(row, "root", said["root"], root)


def _unless_equal(row: dict[str, Any], column: str, stored: str, again: str) -> list[Difference]:
    return [] if stored == again else [Difference(STEP, row, column, stored, again)]


def _nodes(evidence: Evidence, leaves: dict[int, bytes]) -> list[Difference]:
    """The nodes above some leaves, each against the two below it; the lowest against its entry."""
    above = {(0, position) for position in leaves}
    level = set(leaves)
    height = max(leaves).bit_length() + 1 if leaves else 0
    for k in range(1, height):
        level = {position >> 1 for position in level}
        above |= {(k, position) for position in level}
    below = {(k - 1, p * 2 + side) for k, p in above if k for side in (0, 1)}
    nodes = evidence.nodes(above | below)
    told = []
    for k, position in sorted(above):
        stored = nodes.get((k, position))
        children = [nodes.get((k - 1, position * 2 + side)) for side in (0, 1)]
        if k == 0:
            again: bytes | None = leaves[position]
        else:
            left, right = children
            again = node_hash(left, right) if left and right else None
        if stored != again:
            told.append(_node(k, position, stored, again))
    return told


def _node(level: int, position: int, stored: bytes | None, again: bytes | None) -> Difference:
    shown = [GONE if digest is None else base64_text(digest) for digest in (stored, again)]
    return Difference("evidence_nodes", {"level": level, "position": position}, "hash", *shown)
