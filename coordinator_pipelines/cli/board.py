"""A leaderboard in the terminal."""

import json
from datetime import datetime
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.ledger import Mode
from coordinator_pipelines.domain.models import Outcome

SHORT = {
    Outcome.SUCCESS: "ok",
    Outcome.FAILED: "failed",
    Outcome.TIMEOUT: "late",
    Outcome.ABSTAINED: "abst.",
    Outcome.ABSENT: "absent",
}


def show_board(console: Console, challenge: Challenge, board: "pd.Series[Any]") -> None:
    """Print one leaderboard row: rank, model, metrics, coverage, outcomes, reasons."""
    as_of: datetime = board["as_of"]
    mode = "replayed after the fact" if board["mode"] == Mode.REPLAY.value else "live"
    state = "board of record" if board["final"] else "interim board"
    title = f"{challenge.name}: {state} as of {as_of:%Y-%m-%d %H:%M} UTC ({mode})"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("rank", justify="right")
    table.add_column("model", no_wrap=True)
    for metric in challenge.metrics:
        hours = challenge.trailing_windows_hours[metric.window]
        table.add_column(f"{metric.name}\n{hours} h", justify="right")
    table.add_column("cover-\nage", justify="right")
    for name in SHORT.values():
        table.add_column(name, justify="right")
    window = challenge.metric(challenge.ranking.key).window
    entries = json.loads(board["entries_json"])
    for entry in entries:
        table.add_row(*_cells(challenge, entry, window))
    console.print(table)
    for entry in entries:
        if entry["rank"] is None:
            console.print(f"unranked: {entry['model_name']}: {entry['unranked_reason']}")


def _cells(challenge: Challenge, entry: dict[str, Any], window: str) -> list[str]:
    summary = entry["score"]["payload"]["windows"][window]
    metrics = entry["score"]["metrics"]
    values = [_number(metrics.get(metric.name)) for metric in challenge.metrics]
    coverage = summary["coverage"]
    outcomes = [str(summary["outcomes"].get(outcome.value, 0)) for outcome in SHORT]
    return [
        "-" if entry["rank"] is None else str(entry["rank"]),
        entry["model_name"],
        *values,
        "-" if coverage is None else f"{coverage:.1%}",
        *outcomes,
    ]


def _number(value: float | None) -> str:
    return "no data" if value is None else f"{value:.4f}"
