"""What the ``content_hash`` of each published row covers, for whoever writes one or checks it.

Add here the hash of a further kind of row; avoid what the rows say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator_pipelines.domain.values.content import content_hash

Document = Mapping[str, Any]


def model_score_hash(metrics: Document, payload: Document) -> str:
    """Of a row of ``model_scores``."""
    return content_hash({"metrics": metrics, "payload": payload})


def board_hash(entries: Sequence[Document], meta: Document, *, final: bool) -> str:
    """Of a row of ``leaderboards``."""
    return content_hash({"entries": entries, "final": final, "meta": meta})


def checkpoint_hash(entries: Sequence[Document], meta: Document) -> str:
    """Of a row of ``checkpoints``."""
    return content_hash({"entries": entries, "meta": meta})
