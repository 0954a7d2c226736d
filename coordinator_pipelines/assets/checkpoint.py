"""The asset ``checkpoint``: the reward of a period, shared out by its board of record."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from coordinator_pipelines.assets.report import Report, Verdict, of_mode
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.assets.tables import payout_table
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.checkpoint.checkpoint import (
    Checkpoints,
    Payout,
    inconsistencies,
)
from coordinator_pipelines.domain.checkpoint.formats import PERCENT
from coordinator_pipelines.domain.checkpoint.period import board_instant
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.season.state import closed_at, closed_seasons
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CheckpointError
from coordinator_pipelines.partitions import checkpoint_periods, run_periods


@stage(
    after=("leaderboard",),
    kind="payout",
    partitions=checkpoint_periods,
    checks={"payout": "Shares are whole, add up to 100 %, and pay no account twice."},
)
def checkpoint(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """Who gets what of the period's reward, by the board of record of its end.

    Nothing is ranked anew: what is paid is what is shown. It waits until that board is final. A
    board that changes later makes a new version, or, once the period is paid, a settlement in
    the next one. Nobody is paid without an approval (`coordinator checkpoint`); what was
    replayed is a dry run. The checkpoint of a closed season (`coordinator season`) never changes.
    """
    run_id, now = context.run.run_id, clock.now()
    own = [Checkpoints(Boards(challenge, rules, ledger, m, run_id, now)) for m in modes(ledger)]
    waiting = []
    for period in run_periods(context, challenge):
        waits = [(one, one.waits_for(period)) for one in own]
        ready = [one for one, reason in waits if reason is None]
        if not ready:
            reasons = "; ".join(f"{one.boards.mode.value}: {why}" for one, why in waits)
            waiting.append(f"{period}: {reasons or 'nobody has taken part yet'}")
            continue
        report, problems = Report(context, period), []
        for one in ready:
            told, wrong = _computed(context, one, period)
            report.metadata(**of_mode(one.boards.mode, ready, told))
            problems += [f"{one.boards.mode.value}: {problem}" for problem in wrong]
        yield report.check("payout", problems)
    if waiting:
        raise CheckpointError("cannot be paid yet: " + "\n".join(waiting))


def _computed(
    context: dg.AssetExecutionContext, checkpoints: Checkpoints, period: Window
) -> tuple[dict[str, Any], list[str]]:
    """Compute and store one period; what to show of it, and what is wrong."""
    boards = checkpoints.boards
    seasons = closed_seasons(boards.ledger.season_events())
    season = closed_at(seasons, board_instant(boards.challenge, period))
    if season is None:
        row = checkpoints.checkpoint(period)
        boards.ledger.add_checkpoint(row)
    else:
        row = boards.ledger.checkpoints(boards.mode.value, [period.end]).tail(1)
        what = "was closed without a checkpoint" if row.empty else "keeps the one that it has"
        context.log.warning(f"{boards.mode.value}: {season.told}; the period {period} {what}")
        if row.empty:
            return {"season": f"{season.told}; the period {what}"}, []
    stored = row.iloc[0]
    entries, meta = json.loads(stored["entries_json"]), json.loads(stored["meta_json"])
    shares = [entry["share"] for entry in entries]
    board = f"{stored['as_of']:%Y-%m-%d %H:%M:%S} UTC, version {meta['boards'][-1]['version']}"
    facts = {
        "payouts": payout_table(entries),
        "paid_accounts": sum(share > 0 for share in shares),
        "largest_share_percent": max(shares, default=0) / PERCENT,
        "withheld_percent": meta["withheld"] / PERCENT,
        "settlements": len(meta["settlements"]),
        "findings": len(meta["findings"]),
        "checkpoint": stored["id"],
        "version": int(stored["version"]),
        "board": board,
        "mode": boards.mode.value,
        "simulated": boards.challenge.feed.simulated,
        **({"season": f"{season.told}; the period {what}"} if season else {}),
    }
    return facts, inconsistencies(Payout(entries, meta), boards.challenge.emission.owner_cap)
