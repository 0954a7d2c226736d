"""Proofs: that the log holds a prediction, and that it only ever grew.

Add here how a proof is put together from what is stored; avoid checking one, which
``verify_evidence`` does on its own.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coordinator_pipelines.domain.doors.evidence import Commitment, Entry, Evidence
from coordinator_pipelines.domain.evidence import merkle
from coordinator_pipelines.domain.evidence.note import base64_text


@dataclass(frozen=True, slots=True)
class Inclusion:
    """From a model's leaf to the root of the log: first within its round, then within the log.

    ``leaf_path`` leads from the leaf to the root that ``entry`` names, ``path`` from the entry,
    at ``entry.position``, to the root of the log when it had ``size`` entries.
    """

    model_id: str
    leaf_hash: bytes
    leaf_index: int
    leaf_count: int
    leaf_path: list[bytes]
    entry: Entry
    size: int
    path: list[bytes]
    root: bytes

    def told(self, note: str | None) -> dict[str, Any]:
        """The proof as verifiers take it, with the signed head that it leads to."""
        return {
            "model_id": self.model_id,
            "leaf_hash": base64_text(self.leaf_hash),
            "leaf_index": self.leaf_index,
            "leaf_count": self.leaf_count,
            "leaf_path": list(map(base64_text, self.leaf_path)),
            "position": self.entry.position,
            "entry": self.entry.text,
            "size": self.size,
            "path": list(map(base64_text, self.path)),
            "root": base64_text(self.root),
            "note": note,
        }


def inclusion(
    evidence: Evidence, entry: Entry, commitment: Commitment, model_id: str, size: int
) -> Inclusion | None:
    """The proof of a model's prediction in an entry; None if the entry has none of it.

    Raises:
        ValueError: the log did not have the entry when it had that size.
    """
    models = [leaf.model_id for leaf in commitment.leaves]
    if model_id not in models:
        return None
    index, count = models.index(model_id), len(models)
    hashes = [base64.b64decode(leaf.hash) for leaf in commitment.leaves]
    within = merkle.tree_of(hashes)
    path, root = _resolved(evidence, merkle.inclusion_spans(entry.position, size), size)
    return Inclusion(
        model_id=model_id,
        leaf_hash=hashes[index],
        leaf_index=index,
        leaf_count=count,
        leaf_path=[
            merkle.subtree_hash(span, within) for span in merkle.inclusion_spans(index, count)
        ],
        entry=entry,
        size=size,
        path=path,
        root=root,
    )


def consistency(evidence: Evidence, first: int, second: int) -> list[bytes]:
    """The proof that the log of the second size begins with that of the first.

    Raises:
        ValueError: the first is 0, or larger than the second.
    """
    path, _ = _resolved(evidence, merkle.consistency_spans(first, second), second)
    return path


def log_root(evidence: Evidence, size: int) -> bytes:
    """The root of the log when it had a size."""
    return merkle.root(size, evidence.nodes(merkle.complete_nodes(0, size)))


def _resolved(
    evidence: Evidence, spans: Sequence[merkle.Span], size: int
) -> tuple[list[bytes], bytes]:
    """The hashes of subtrees, and the root of the log: one read of few nodes."""
    edge = merkle.complete_nodes(0, size)
    wanted = {node for span in spans for node in merkle.complete_nodes(*span)}
    nodes = evidence.nodes(wanted.union(edge))
    return [merkle.subtree_hash(span, nodes) for span in spans], merkle.root(size, nodes)
