"""An author's ranker, checked: it orders the entries that may be ranked, and only those.

Add here what a ranker's answer must satisfy; avoid the engine's own order (``ranking``).
"""

import copy
from collections.abc import Callable
from typing import Any

from coordinator_pipelines.domain.values.content import canonical
from coordinator_pipelines.domain.values.errors import CallableError

Entry = dict[str, Any]
KEY = "LEADERBOARD_RANKER"


def ranked_by_author(ranker: Callable[[list[Entry]], Any], entries: list[Entry]) -> list[Entry]:
    """The entries as the author returned them, ranked ones first in rank order.

    The author may leave entries without ``rank``: they get an ``unranked_reason`` if the author
    gave none. What else the author adds to an entry is kept.

    Raises:
        CallableError: it raised, lost, invented or repeated a model, gave ranks that are not
            1 to n, or returned what JSON cannot hold.
    """
    if not entries:
        return []
    try:
        returned = ranker(copy.deepcopy(entries))
    except Exception as error:
        raise CallableError(f"{KEY} raised {type(error).__name__}: {error}") from error
    if not isinstance(returned, list) or not all(isinstance(entry, dict) for entry in returned):
        raise CallableError(f"{KEY} must return a list of entries, each an object")
    wanted = {entry["model_id"]: entry for entry in entries}
    found = [entry.get("model_id") for entry in returned]
    if sorted(map(str, found)) != sorted(wanted):
        raise CallableError(f"{KEY} must return each model once: it got {sorted(wanted)}, "
                            f"and returned {found}")  # fmt: skip
    merged = [{**wanted[entry["model_id"]], **entry} for entry in returned]
    ranked = [entry for entry in merged if entry.get("rank") is not None]
    _check_ranks([entry["rank"] for entry in ranked])
    try:
        canonical(merged)
    except (TypeError, ValueError) as error:
        raise CallableError(f"{KEY} returned what cannot be stored: {error}") from None
    ranked.sort(key=lambda entry: int(entry["rank"]))
    unranked = [
        {**entry, "unranked_reason": entry.get("unranked_reason") or "not ranked by the challenge"}
        for entry in merged
        if entry.get("rank") is None
    ]
    return [{**entry, "unranked_reason": None} for entry in ranked] + unranked


def _check_ranks(ranks: list[Any]) -> None:
    whole = all(isinstance(rank, int) and not isinstance(rank, bool) for rank in ranks)
    if not whole or sorted(ranks) != list(range(1, len(ranks) + 1)):
        raise CallableError(f"{KEY} must give the ranks 1 to {len(ranks)}, each once; got {ranks}")
