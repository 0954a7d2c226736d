"""One prediction proved: from a model's answer to the head of the log, checked as anybody would.

Add here how a proof is shown to people; avoid making (``domain.evidence``) and checking one
(``verify_evidence``).
"""

import json
from typing import Any

from coordinator_pipelines import verify_evidence
from coordinator_pipelines.domain.doors.evidence import Entry, Evidence, Kind, Leaf
from coordinator_pipelines.domain.evidence.note import base64_text
from coordinator_pipelines.domain.evidence.opening import Opening, openings
from coordinator_pipelines.domain.evidence.proof import inclusion
from coordinator_pipelines.domain.values.errors import EvidenceError

PAGE, MOST_PAGES = 1000, 50
"""Entries, the newest first, among which one with predictions is sought: a replay of days commits
to all its predictions before its truths, scores and boards."""


def proof_lines(evidence: Evidence) -> list[str]:
    """A prediction of the newest round that is open, its proof, and the verdict on it.

    Raises:
        EvidenceError: the proof does not hold; or there is none, for want of predictions.
    """
    signed = evidence.newest_head()
    size = signed.size if signed is not None else evidence.log_size()
    opening, leaf, cell = _newest_open(evidence, size)
    entry = opening.entry
    commitment = evidence.commitments([entry.position])[entry.position]
    proof = inclusion(evidence, entry, commitment, leaf.model_id, size)
    assert proof is not None  # the leaf is one of the commitment's
    told = proof.told(signed.note if signed is not None else None)
    hashed = verify_evidence.leaf_hash(verify_evidence.canonical(cell).encode())
    key = verify_evidence.VerifierKey.read(signed.verifier_key) if signed is not None else None
    problems = verify_evidence.check_inclusion(told, key)
    if base64_text(hashed) != leaf.hash:
        problems.append("the answer is not the one committed to")
    if problems:
        raise EvidenceError(f"{_named(entry)}, {leaf.model_id}: {'; '.join(problems)}")
    steps = len(proof.leaf_path) + len(proof.path)
    by = f"signed by {signed.verifier_key.split('+')[0]}" if signed else "not signed"
    return [
        f"{leaf.model_id} in {_named(entry)}: {json.dumps(cell['output'])[:60]}",
        f"leaf {leaf.hash[:16]}..., {steps} hashes up to the root {told['root'][:16]}... of "
        f"{size} entries ({by})",
        "verified: the answer is the one that was committed to",
    ]


def _newest_open(evidence: Evidence, size: int) -> tuple[Opening, Leaf, dict[str, Any]]:
    """The newest round that is open, with its first answer.

    Raises:
        EvidenceError: there is none.
    """
    for page in range(MOST_PAGES):
        end = size - page * PAGE
        if end <= 0:
            break
        start = max(0, end - PAGE)
        entries = evidence.entries(start, end - start)
        rounds = [entry for entry in entries if entry.kind is Kind.PREDICTIONS]
        for opening in reversed(openings(evidence, rounds, lambda _: False)):
            for leaf, cell in opening.leaves:
                if cell is not None and cell["output"] is not None:
                    return opening, leaf, cell
    raise EvidenceError("nothing can be proved yet: the log has no round that is resolved")


def _named(entry: Entry) -> str:
    return f"the {entry.mode} round of {entry.at:%Y-%m-%d %H:%M:%S} UTC"
