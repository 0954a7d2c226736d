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
    Outcome.FAILED: "fail",
    Outcome.TIMEOUT: "late",
    Outcome.ABSTAINED: "abst",
    Outcome.ABSENT: "absent",
}


def show_board(console: Console, challenge: Challenge, board: "pd.Series[Any]") -> None:
    """Print one leaderboard row: rank, model, metrics, coverage, outcomes, reasons."""
    as_of: datetime = board["as_of"]
    mode = "replayed after the fact" if board["mode"] == Mode.REPLAY.value else "live"
    state = "board of record" if board["final"] else "interim board"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("#", "model", *_metric_headings(challenge), "cov", *SHORT.values()):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    window = challenge.metric(challenge.ranking.key).window
    entries = json.loads(board["entries_json"])
    for entry in entries:
        table.add_row(*_cells(challenge, entry, window))
    console.print(f"[bold]{challenge.name}[/], {state} as of {as_of:%Y-%m-%d %H:%M} UTC, {mode}")
    console.print(table)
    for entry in entries:
        if entry["rank"] is None:
            console.print(f"unranked: {entry['model_name']}: {entry['unranked_reason']}")


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
        entry["model_name"],
        *values,
        "-" if coverage is None else f"{coverage:.0%}",
        *outcomes,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
