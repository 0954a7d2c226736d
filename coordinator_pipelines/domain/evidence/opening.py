"""Openings: what was committed to, shown so that anybody can hash it again.

Add here what is shown and when; avoid how it is hashed (``entry``) and who asks. The answers of
a round are shown once it is resolved, that is, once it has a truth in whatever state.
"""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from coordinator_pipelines.domain.doors.evidence import (
    Commitment,
    Entry,
    Evidence,
    Kind,
    Leaf,
)
from coordinator_pipelines.domain.evidence.entry import (
    BOARD_CONTENT,
    CHECKPOINT_CONTENT,
    RULING_CONTENT,
    TRUTH_CONTENT,
    document,
)
from coordinator_pipelines.domain.evidence.leaves import cell, salt

CONTENT = {
    Kind.TRUTH: TRUTH_CONTENT,
    Kind.BOARD: BOARD_CONTENT,
    Kind.CHECKPOINT: CHECKPOINT_CONTENT,
    Kind.RULING: RULING_CONTENT,
}
INSTANT = {Kind.BOARD: "as_of", Kind.CHECKPOINT: "period_end"}
"""Which column is an entry's own instant, where it is not ``performed_at``."""

_Rows = dict[tuple[Any, ...], dict[Hashable, Any]]


@dataclass(frozen=True, slots=True)
class Opening:
    """What an entry commits to.

    ``leaves``: of predictions, each leaf with what it says, or None where it is still closed or
    no longer stored. ``content``: of anything else, None if it is no longer stored.
    """

    entry: Entry
    is_open: bool
    leaves: list[tuple[Leaf, dict[str, Any] | None]]
    content: dict[str, Any] | None


def openings(
    evidence: Evidence, entries: Sequence[Entry], is_own: Callable[[str], bool]
) -> list[Opening]:
    """What entries commit to, in their order: one read per kind of thing.

    ``is_own``: whether whoever asks may see the answers of a model before the round is resolved.
    """
    rounds = [entry for entry in entries if entry.kind is Kind.PREDICTIONS]
    commitments = evidence.commitments([entry.position for entry in rounds])
    stored = {
        kind: _stored(evidence, kind, [entry for entry in entries if entry.kind is kind])
        for kind in Kind
    }
    resolved = {key[:2] for key in _stored(evidence, Kind.TRUTH, rounds)}
    opened = []
    for entry in entries:
        rows = stored[entry.kind]
        if entry.kind is not Kind.PREDICTIONS:
            row = rows.get((entry.prediction_config_id, entry.at, entry.mode, None, entry.version))
            content = None if row is None else document(row, CONTENT[entry.kind])
            opened.append(Opening(entry, is_open=True, leaves=[], content=content))
            continue
        is_open = (entry.prediction_config_id, entry.at) in resolved
        leaves = _leaves(entry, commitments.get(entry.position), rows, is_open, is_own)
        opened.append(Opening(entry, is_open, leaves, None))
    return opened


def _leaves(
    entry: Entry,
    commitment: Commitment | None,
    rows: _Rows,
    is_open: bool,
    is_own: Callable[[str], bool],
) -> list[tuple[Leaf, dict[str, Any] | None]]:
    if commitment is None:
        return []
    challenge = json.loads(entry.text)["challenge"]

    def shown(leaf: Leaf) -> dict[str, Any] | None:
        row = rows.get(
            (entry.prediction_config_id, entry.at, entry.mode, leaf.model_id, leaf.version)
        )
        if row is None or not (is_open or is_own(leaf.model_id)):
            return None
        return cell(challenge, row, salt(commitment.seed, leaf.model_id))

    return [(leaf, shown(leaf)) for leaf in commitment.leaves]


def _stored(evidence: Evidence, kind: Kind, entries: Sequence[Entry]) -> _Rows:
    """Rows by what an entry or a leaf names them: config, instant, mode, model, version."""
    if not entries:
        return {}
    instant = INSTANT.get(kind, "performed_at")
    return {
        (
            row.get("prediction_config_id"),
            row[instant],
            row.get("mode"),
            row.get("model_id"),
            int(row["version"]),
        ): row
        for row in evidence.committed_rows(kind, entries).to_dict("records")
    }
