"""``coordinator boards``: published boards that would come out otherwise today."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pandas as pd

from coordinator_pipelines.automation import BOARDS
from coordinator_pipelines.cli.challenge.backfill import backfill
from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.terminal import open_console, warn
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.season.state import closed_seasons, is_closed
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.workspaces import known_workspaces


@click.command()
@spec_option
@click.option("--refresh", is_flag=True, help="Write them anew, as new versions, in one run.")
def boards(spec: Path | None, refresh: bool) -> None:
    """List boards that a repair of earlier windows has outdated; change nothing by itself.

    A revised price, a model that was added, or windows filled in later change the boards of the
    windows after them, up to the longest trailing window. Those of closed seasons stay as they are.
    """
    console = open_console()
    challenge = load_challenge(spec or starter_spec())
    outdated = list(_outdated(challenge))
    for mode, old, new in outdated:
        console.print(f"{new['as_of']:%Y-%m-%d %H:%M} UTC, {mode.value}: {_difference(old, new)}")
    console.print(f"{len(outdated)} boards are outdated")
    if refresh and outdated:
        ends = {new["as_of"].to_pydatetime() for _, _, new in outdated}
        windows = [Window(end - challenge.window_length, end) for end in sorted(ends)]
        backfill(
            console, LocalInstance.prepare(known_workspaces(), warn), challenge, windows, BOARDS
        )


def _outdated(challenge: Challenge) -> Iterator[tuple[Mode, "pd.Series[Any]", "pd.Series[Any]"]]:
    """Each stored board that is outdated, and what it would be; live ones once they are final."""
    with closing(open_ledger(challenge)) as ledger:
        rules, now = load_rules(challenge), datetime.now(UTC)
        for mode in modes(ledger):
            stored = ledger.leaderboards(mode, from_epoch(0), from_epoch(2**33))
            closed = is_closed(closed_seasons(ledger.season_events()), stored["as_of"])
            stored = stored[~closed]
            if mode is Mode.LIVE:
                stored = stored[stored["final"]]
            new = Boards(challenge, rules, ledger, mode, "preview", now).outdated(stored)
            old = stored.set_index("as_of", drop=False).loc[new["as_of"]]
            for (_, before), (_, after) in zip(old.iterrows(), new.iterrows(), strict=True):
                yield mode, before, after


def _difference(old: "pd.Series[Any]", new: "pd.Series[Any]") -> str:
    """Who would move, or what else would change."""
    before, after = _ranks(old), _ranks(new)
    moved = [
        f"{model} {before.get(model) or '-'} -> {rank or '-'}"
        for model, rank in after.items()
        if before.get(model) != rank or model not in before
    ]
    return ", ".join(moved) or "the same order, other numbers"


def _ranks(board: "pd.Series[Any]") -> dict[str, int | None]:
    return {entry["model_id"]: entry["rank"] for entry in json.loads(board["entries_json"])}
