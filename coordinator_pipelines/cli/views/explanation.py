"""A chain from board to feed records, as a tree in the terminal or as a document.

Add here how a link is shown; avoid finding out what it says (``domain.audit.explanation``).
"""

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from coordinator_pipelines import __version__
from coordinator_pipelines.cli.views.audit import difference, value
from coordinator_pipelines.domain.audit.explanation import Explanation, Link

TITLES = {
    "leaderboards": "board",
    "model_scores": "model score",
    "score_statistics": "statistics",
    "scores": "score",
    "ground_truths": "truth",
    "feed_records": "feed record",
    "predictions": "answer",
    "rounds": "question",
}
INDENT = {"feed_records": 1}
"""How much deeper a link stands than the one before its kind."""
MOST_SHOWN = 160
"""Characters of a value that are shown; all of it is in the document."""


def show_explanation(console: Console, chain: Explanation) -> None:
    """A tree: a branch for the board, and one for each prediction config."""
    console.print(
        f"[bold]{escape(chain.model_id)}[/] in the round of "
        f"{chain.performed_at:%Y-%m-%d %H:%M:%S} UTC, {chain.mode}, of {chain.challenge}"
    )
    tree = Tree("from the board down", guide_style="dim")
    branches: dict[str | None, Tree] = {None: tree}
    last = tree
    for link in chain.links:
        if link.config_id not in branches:
            branches[link.config_id] = tree.add(f"[bold]{escape(str(link.config_id))}[/]")
        above = last if link.step in INDENT else branches[link.config_id]
        branch = above.add(f"{TITLES[link.step]}: {_verdict(link)}")
        for name, told in link.facts.items():
            if told is not None:
                branch.add(f"[dim]{name}[/] {escape(_short(told))}")
        if link.checked is not None:
            for one in link.checked.differences:
                branch.add(f"[bold red]{escape(str(one))}[/]")
        last = last if link.step in INDENT else branch
    console.print(tree, soft_wrap=True)
    console.print(
        f"spec version {chain.spec['version']}, content {chain.spec['hash'][:16]}; "
        f"coordinator-pipelines {__version__}",
        style="dim",
    )
    verdict = "[green]Each step follows from the one below it[/]"
    console.print(verdict if chain.is_sound else "[bold red]Not every step follows[/]")


def _verdict(link: Link) -> str:
    if link.checked is None:
        return "[dim]as it was received[/]"
    if link.checked.differences:
        return "[bold red]differs[/]"
    if link.checked.withheld:
        reasons = "; ".join(link.checked.withheld)
        return f"[yellow]not all of it recomputed: {escape(reasons)}[/]"
    return "[green]recomputed, the same[/]"


def _short(told: Any) -> str:
    text = told if isinstance(told, str) else json.dumps(value(told))
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


def as_json(chain: Explanation) -> dict[str, Any]:
    """All of it as JSON values; instants as 2026-11-24T12:00:00Z."""
    return {
        "challenge": chain.challenge,
        "mode": chain.mode,
        "model_id": chain.model_id,
        "round": value(chain.performed_at),
        "spec": chain.spec,
        "software": __version__,
        "sound": chain.is_sound,
        "links": [_document(link) for link in chain.links],
    }


def _document(link: Link) -> dict[str, Any]:
    checked = link.checked
    return {
        "table": link.step,
        "prediction_config_id": link.config_id,
        "facts": value(link.facts),
        "recomputed": None if checked is None else not checked.withheld,
        "not_recomputed": list(checked.withheld) if checked else [],
        "differences": list(map(difference, checked.differences)) if checked else [],
    }
