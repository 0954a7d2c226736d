"""Revisions in the terminal: who moved, because of which rounds.

Add here how a revision is drawn; avoid computing anything that it says.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.cli.views.checkpoint import percent
from coordinator_pipelines.domain.revision.changed_scores import Cause
from coordinator_pipelines.domain.revision.wording import CAUSES, headline, place

SHOWN = 20


def overview(console: Console, heads: pd.DataFrame) -> None:
    """A line for each revision."""
    for row in heads.to_dict("records"):
        told = headline(json.loads(row["summary_json"]))
        console.print(f"[bold]{row['id']}[/]  {escape(told)}", soft_wrap=True)


def show(console: Console, name: str, document: Mapping[str, Any]) -> None:
    """One revision: its rounds, the models that they moved, and what would be paid."""
    console.print(
        f"[bold]{name}[/]: the board as of {_at(document['as_of'])}, version "
        f"{document['before']['version']} to {document['after']['version']}",
        soft_wrap=True,
    )
    for one in document["rounds"][:SHOWN]:
        console.print(escape(f"  {_round(one)}"), soft_wrap=True)
    more = document["rounds_changed"] - min(SHOWN, len(document["rounds"]))
    if more > 0:
        console.print(f"  and {more} rounds more")
    for one in document["scorers"]:
        console.print(
            escape(f"  scorer {one['before']} to {one['after']} ({one['scores']} scores)"),
            soft_wrap=True,
        )
    console.print(_models(document))
    payout = document["payout"]
    if payout is None:
        return
    console.print(f"Of the period until {_at(payout['period_end'])}:")
    if payout["reason"]:
        console.print(escape(f"  {payout['reason']}"), soft_wrap=True)
    elif not payout["accounts"]:
        console.print("  it would pay the same")
    for one in payout["accounts"]:
        was, is_now = percent(one["before"]), percent(one["after"])
        console.print(escape(f"  {one['account']}: {was} to {is_now}"))


def _round(told: Mapping[str, Any]) -> str:
    causes = ", ".join(CAUSES[Cause(cause)] for cause in told["causes"])
    text = f"{told['prediction_config_id']} of {_at(told['performed_at'])}: {causes}"
    was, is_now = told["truth_before"], told["truth"]
    if was and is_now and was != is_now:
        text += f" ({_truth(was)} to {_truth(is_now)})"
    return text


def _truth(told: Mapping[str, Any]) -> str:
    """A truth by its outcome; by its reason or its state where it has none."""
    if told["outcome"] is not None:
        return f"{told['outcome']:g}"
    return str(told["reason"] or told["state"])


def _models(document: Mapping[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)
    for header in ("model", "rank", f"{document['metric']} before", "after", "scores changed"):
        table.add_column(header, justify="left" if header == "model" else "right", overflow="fold")
    for one in document["models"]:
        ranks = place(one["rank"])
        if one["rank_before"] != one["rank"]:
            ranks = f"{place(one['rank_before'])} to {ranks}"
        values = ("" if v is None else f"{v:.6g}" for v in (one["value_before"], one["value"]))
        table.add_row(escape(one["model_name"]), ranks, *values, str(one["scores_changed"]))
    return table


def _at(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"
