"""Checkpoints in the terminal: who gets what, and what has become of it.

Add here how a payout is drawn; avoid computing anything that it says.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.domain.checkpoint.checkpoint import Payout
from coordinator_pipelines.domain.checkpoint.formats import PERCENT
from coordinator_pipelines.domain.checkpoint.settlement import Difference
from coordinator_pipelines.domain.checkpoint.state import Progress, progress
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge

MINUTES = "%Y-%m-%d %H:%M"


def overview(heads: pd.DataFrame, told: Mapping[str, Progress]) -> Table:
    """All checkpoints, a row each."""
    table = _table("checkpoint", "period", "board as of", "state")
    newest = heads.groupby("period_end")["version"].transform("max")
    for row, last in zip(heads.to_dict("records"), newest, strict=True):
        state = told.get(row["id"], Progress())
        words = state.state.value + (", approved" if state.approved and not state.in_flight else "")
        if row["version"] < last:
            words += ", superseded"
        if row["mode"] == Mode.REPLAY.value:
            words = "dry run (replayed)"
        period = f"{row['period_start']:{MINUTES}} to {row['period_end']:{MINUTES}}"
        table.add_row(row["id"], period, f"{row['as_of']:{MINUTES}}", words)
    return table


def show(console: Console, stored: "pd.Series[Any]", events: pd.DataFrame) -> None:
    """One stored checkpoint and what happened to it."""
    meta = json.loads(stored["meta_json"])
    board = meta["boards"][-1]
    console.print(
        f"[bold]{stored['id']}[/], {stored['period_start']:{MINUTES}} to "
        f"{stored['period_end']:{MINUTES}} UTC, on the board as of {stored['as_of']:{MINUTES}} "
        f"(version {board['version']})",
        soft_wrap=True,
    )
    _payout(console, Payout(json.loads(stored["entries_json"]), meta))
    state = "dry run (replayed)"
    if stored["mode"] == Mode.LIVE.value:
        state = progress(events).state.value
    console.print(f"State: [bold]{state}[/]")
    for event in events.to_dict("records"):
        words = "; ".join(filter(None, (event["reference"], event["reason"])))
        told = f"{event['at']:%Y-%m-%d %H:%M:%S} {event['kind']} by {event['actor']}"
        console.print(escape(f"  {told}{f': {words}' if words else ''}"), soft_wrap=True)


def preview(
    console: Console, challenge: Challenge, payout: Payout, board: "pd.Series[Any]"
) -> None:
    """What a board would pay if the period ended with it."""
    console.print(
        f"[bold]Checkpoint[/], dry run: what {challenge.name} would pay on its board as of "
        f"{board['as_of']:{MINUTES}} UTC ({board['mode']})",
        soft_wrap=True,
    )
    _payout(console, payout)


def diff(console: Console, before: str, after: str, changed: Sequence[Difference]) -> None:
    """Who gets more or less in one checkpoint than in another."""
    if not changed:
        console.print(f"{before} and {after} pay the same")
        return
    table = _table("account", before, after, "difference")
    for one in changed:
        table.add_row(
            escape(one.account), percent(one.before), percent(one.after),
            f"{'+' if one.after > one.before else ''}{percent(one.after - one.before)}",
        )  # fmt: skip
    console.print(table)


def percent(share: int) -> str:
    """A share in billionths as a percentage, all its digits that tell something.

    >>> percent(333_333_334)
    '33.3333334 %'
    """
    return f"{share / PERCENT:.7f}".rstrip("0").rstrip(".") + " %"


def _payout(console: Console, payout: Payout) -> None:
    emission = payout.meta["emission"]
    table = _table("place", "model", "account", "score", "share")
    for entry in payout.entries:
        if entry["unpaid"] is None:
            place = f"{entry['place']}{'=' if entry['tied'] > 1 else ''}"
            value = "" if entry["value"] is None else f"{entry['value']:.6g}"
            table.add_row(
                place, escape(entry["model_name"]), escape(entry["account"]), value,
                percent(entry["share"]),
            )  # fmt: skip
    if payout.meta["treasury"]:
        own = payout.meta["treasury"]
        table.add_row("", "", escape(own["account"]), "", percent(own["share"]))
    if table.row_count:
        console.print(table)
    by = f"strategy {emission['strategy']}, by {payout.meta['decided_by']}"
    console.print(f"{by}; one payee per account", style="dim")
    for entry in payout.entries:
        if entry["unpaid"] is not None:
            console.print(f"Not paid: {escape(entry['model_name'])}: {escape(entry['unpaid'])}")
    if payout.meta["withheld"]:
        console.print(f"Withheld, since nobody earned it: {percent(payout.meta['withheld'])}")
    for one in payout.meta["settlements"]:
        console.print(
            escape(
                f"To settle for {one['account']}: {percent(one['difference'])} of the period until "
                f"{one['period_end']} ({one['paid']} was paid, {one['corrected']} is right)"
            ),
            soft_wrap=True,
        )
    for finding in payout.meta["findings"]:
        stops = "stops the payout" if finding["blocking"] else "for your information"
        console.print(escape(f"Finding {finding['name']} ({stops}): {finding['text']}"))


def _table(*names: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)
    for name in names:
        numeric = name in {"place", "score", "share", "difference"}
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    return table
