"""A revision in words, for everybody who reads one: the UI, the terminal, the page.

Add here how a cause or a move is said; avoid what a revision holds (``revision``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from coordinator_pipelines.domain.checkpoint.formats import PERCENT
from coordinator_pipelines.domain.revision.changed_scores import Cause

CAUSES = {
    Cause.TRUTH: "another truth",
    Cause.VOIDED: "voided",
    Cause.RESTORED: "no longer voided",
    Cause.SCORER: "another scorer",
    Cause.ANSWER: "another answer",
    Cause.LATE: "scored later",
    Cause.RULE: "another rule for what is missing",
    Cause.FIELD: "imputed from scores that changed",
}


def cause_texts(summary: Mapping[str, Any]) -> list[str]:
    """Why scores changed, each cause with its rounds; empty where no score did."""
    return [
        f"{CAUSES[Cause(name)]} ({_rounds(count)})" for name, count in summary["causes"].items()
    ]


def move_texts(summary: Mapping[str, Any]) -> list[str]:
    """Who moved, the first few."""
    told = [
        f"{one['model_name']} {place(one['rank_before'])} to {place(one['rank'])}"
        for one in summary["moves"]
    ]
    more = summary["moved"] - len(told)
    return [*told, *([f"{more} more"] if more else [])]


def headline(summary: Mapping[str, Any]) -> str:
    """A revision in one line."""
    return "; ".join(_sentences(summary))


def place(rank: int | None) -> str:
    """A rank, or that there is none."""
    return "unranked" if rank is None else str(rank)


def _sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    causes = cause_texts(summary)
    yield ", ".join(causes) if causes else "no score changed, the board is computed otherwise"
    yield "moved: " + ", ".join(move_texts(summary)) if summary["moved"] else "nobody moved"
    if summary["payout_moved"]:
        yield f"{summary['payout_moved'] / PERCENT:.7g} % of the payout would go to others"


def _rounds(count: int) -> str:
    return f"{count} round{'s' if count > 1 else ''}"
