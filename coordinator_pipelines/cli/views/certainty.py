"""How sure a board is, in the terminal: tiers, ranks and intervals of the models that are ranked.

Add here how certainty is shown; avoid computing any of it.
"""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.domain.leaderboard.certainty import in_ranking_window
from coordinator_pipelines.domain.leaderboard.ranking import key_window
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.percent import percent


def show_certainty(
    console: Console, challenge: Challenge, entries: list[dict[str, Any]], meta: dict[str, Any]
) -> None:
    """Print a table of the ranked models, or why there is none."""
    told = meta.get("certainty")
    if told is None:
        return
    window = key_window(challenge, challenge.ranking.key)
    reason = told.get("reason") or told["windows"][window]["reason"]
    if reason:
        console.print(f"No intervals and tiers: {reason}", style="dim", soft_wrap=True)
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("tier", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold")
    names = {entry["model_id"]: entry["model_name"] for entry in entries}
    baseline = names.get(told["baseline_model"])
    headings = ["rank", challenge.ranking.key, *(["over baseline"] if baseline else [])]
    for name in headings:
        table.add_column(name, justify="right", no_wrap=True)
    for entry in entries:
        if entry["rank"] is not None:
            table.add_row(*_cells(challenge, entry)[: 2 + len(headings)])
    console.print(table)
    level, hours = percent(told["level"]), challenge.trailing_windows_hours[window]
    against = f"; baseline: {escape(baseline)}" if baseline else ""
    console.print(
        f"models of one tier cannot be told apart; {level} intervals over {hours} h{against}",
        style="dim",
    )


def _cells(challenge: Challenge, entry: dict[str, Any]) -> list[str]:
    sure = in_ranking_window(challenge, entry)
    ranks = sure.get("rank_interval")
    return [
        str(sure.get("tier") or "-"),
        escape(entry["model_name"]),
        "-" if ranks is None else "-".join(str(rank) for rank in dict.fromkeys(ranks)),
        _between(sure.get("interval")),
        _between((sure.get("to_baseline") or {}).get("interval"), signed=True),
    ]


def _between(ends: list[float] | None, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return "-" if ends is None else " .. ".join(f"{end:{sign}.4f}" for end in ends)
