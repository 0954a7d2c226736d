"""A leaderboard in the terminal, no wider than 80 columns for usual names.

Add here how a board is shown; avoid computing anything that is on it.
"""

import json
from datetime import datetime
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.cli.views.certainty import show_certainty
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.ground_truth.tally import RoundTally
from coordinator_pipelines.domain.leaderboard.ensembles import with_ensembles
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.percent import percent

SHORT = {
    Outcome.SUCCESS: "ok",
    Outcome.FAILED: "fail",
    Outcome.TIMEOUT: "late",
    Outcome.ABSTAINED: "abst",
    Outcome.ABSENT: "absent",
}


def window_hours(challenge: Challenge) -> int:
    """Length of the trailing window that ranks, which coverage and outcomes are of."""
    return challenge.trailing_windows_hours[challenge.metric(challenge.ranking.key).window]


def show_board(
    console: Console,
    challenge: Challenge,
    board: "pd.Series[Any]",
    tally: RoundTally,
    *,
    ensembles: bool = False,
) -> None:
    """Print one leaderboard row: rank, model, metrics, coverage, outcomes, reasons, rounds."""
    as_of: datetime = board["as_of"]
    mode = "replayed after the fact" if board["mode"] == Mode.REPLAY.value else "live"
    state = "board of record" if board["final"] else "interim board"
    window = challenge.metric(challenge.ranking.key).window
    entries, meta = json.loads(board["entries_json"]), json.loads(board["meta_json"])
    beside = meta.get("ensembles", {}).get("entries", []) if ensembles else []
    console.print(f"[bold]{challenge.name}[/], {state} as of {as_of:%Y-%m-%d %H:%M} UTC, {mode}")
    console.print(_table(challenge, with_ensembles(entries, beside), window))
    show_certainty(console, challenge, entries, meta)
    hours = window_hours(challenge)
    console.print(
        f"cov is the share of rounds answered, the rest counts of outcomes, over {hours} h",
        style="dim",
    )
    console.print(f"{_rounds(tally)}, over {hours} h", soft_wrap=True)
    for entry in [*entries, *beside]:
        if entry["rank"] is None:
            console.print(
                f"Unranked: {escape(entry['model_name'])}: {escape(entry['unranked_reason'])}"
            )


def _rounds(tally: RoundTally) -> str:
    """All rounds, and those that count for nobody, by reason: coverage is of the others."""
    left = (
        (tally.tied, "tied"),
        (tally.unresolvable, "without an outcome (a price is missing)"),
        (tally.void, "void (no fresh price, or no model could be reached)"),
        (tally.missed, "missed"),
        (tally.pending, "not resolved yet"),
    )
    parts = [f"{tally.scored:,} scored", *(f"{count:,} {what}" for count, what in left if count)]
    return f"{tally.total:,} rounds: {', '.join(parts)}"


def _table(challenge: Challenge, entries: list[dict[str, Any]], window: str) -> Table:
    """Only names of models are folded in a narrow terminal; a number is never cut."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold")
    rows = [_cells(challenge, entry, window) for entry in entries]
    headings = [*_metric_headings(challenge), "cov", *SHORT.values()]
    for name, *cells in zip(headings, *(row[2:] for row in rows), strict=True):
        width = max(map(len, [*name.split("\n"), *cells]))
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*row)
    return table


def _metric_headings(challenge: Challenge) -> list[str]:
    hours = challenge.trailing_windows_hours
    return [f"{metric.name}\n{hours[metric.window]} h" for metric in challenge.metrics]


def _cells(challenge: Challenge, entry: dict[str, Any], window: str) -> list[str]:
    summary = entry["score"]["payload"]["windows"][window]
    metrics = entry["score"]["metrics"]
    values = [_number(metrics.get(metric.name)) for metric in challenge.metrics]
    coverage = summary["coverage"]
    outcomes = [str(summary["outcomes"].get(outcome.value, 0)) for outcome in SHORT]
    return [
        "-" if entry["rank"] is None else str(entry["rank"]),
        escape(entry["model_name"]),
        *values,
        "-" if coverage is None else percent(coverage),
        *outcomes,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
