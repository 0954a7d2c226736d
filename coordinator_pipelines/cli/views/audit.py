"""What an audit found, as a table or as a document.

Add here how findings are shown; avoid finding them (``domain.audit``).
"""

from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.domain.audit.audit import Report
from coordinator_pipelines.domain.audit.finding import Checked, Difference
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

MOST_SHOWN = 20
"""Differences of a table that are shown; all of them are in the document."""


def show_audit(console: Console, report: Report, seconds: float) -> None:
    """A line for each table, then what differs, then what could not be recomputed and why."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("table")
    for name in ("rows", "recomputed", "differ"):
        table.add_column(name, justify="right")
    steps = [step for step in report.steps.values() if step.rows]
    for step in steps:
        differ = f"[bold red]{len(step.differences)}[/]" if step.differences else "0"
        table.add_row(step.step, f"{step.rows:,}", f"{step.recomputed:,}", differ)
    console.print(table)
    for step in steps:
        _show_differences(console, step)
        for reason, count in step.withheld.items():
            line = f"{step.step}: {count:,} not recomputed: {reason}"
            console.print(escape(line), style="yellow", soft_wrap=True)
    rate = report.rows / seconds if seconds else 0.0
    verdict = "[green]Nothing differs[/]"
    if report.differences:
        verdict = f"[bold red]{len(report.differences)} differences[/]"
    console.print(f"{verdict}: {report.rows:,} rows in {seconds:.1f} s, {rate:,.0f} a second")


def _show_differences(console: Console, step: Checked) -> None:
    for one in step.differences[:MOST_SHOWN]:
        console.print(escape(str(one)), style="red", soft_wrap=True)
    more = len(step.differences) - MOST_SHOWN
    if more > 0:
        console.print(f"{step.step}: and {more:,} more; --format json tells all", style="red")


def as_json(challenge: Challenge, span: Window, report: Report, seconds: float) -> dict[str, Any]:
    """All of it as JSON values; instants as 2026-11-24T12:00:00Z."""
    return {
        "challenge": challenge.name,
        "from": value(span.start),
        "to": value(span.end),
        "rows": report.rows,
        "recomputed": report.recomputed,
        "seconds": round(seconds, 3),
        "rows_per_second": round(report.rows / seconds) if seconds else None,
        "tables": {
            name: {
                "rows": step.rows,
                "recomputed": step.recomputed,
                "not_recomputed": dict(step.withheld),
                "differences": len(step.differences),
            }
            for name, step in report.steps.items()
        },
        "differences": list(map(difference, report.differences)),
    }


def difference(one: Difference) -> dict[str, Any]:
    """A difference as JSON values."""
    return {
        "table": one.step,
        "row": value(one.row),
        "column": one.column,
        "stored": value(one.stored),
        "recomputed": value(one.recomputed),
    }


def value(told: Any) -> Any:
    """A value with its instants as text."""
    if isinstance(told, datetime):
        return told.isoformat().replace("+00:00", "Z")
    if isinstance(told, dict):
        return {name: value(item) for name, item in told.items()}
    return [value(item) for item in told] if isinstance(told, list) else told
