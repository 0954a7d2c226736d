"""The asset ``prediction_batch``: what the models answered in a window's rounds."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.assets.tables import counts_by_model
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.ingest import Ingest
from coordinator_pipelines.domain.ledger import Ledger, Mode, RoundStatus
from coordinator_pipelines.domain.models import Models
from coordinator_pipelines.domain.prediction_batch import CELL, expected_cells, grid
from coordinator_pipelines.domain.replay import Replay
from coordinator_pipelines.domain.round import Window, batches, within
from coordinator_pipelines.domain.rules import Rules
from coordinator_pipelines.domain.standing import with_withdrawals
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_REPORT = 12


class Asking(dg.Config):
    """How a run asks models."""

    again: bool = False
    """Ask models whose code has changed since they answered once more, as a new version."""


@stage(
    after=("feed_records",),
    kinds=("python",),
    checks={"coverage": "Every expected cell has an answer or a reason; no round is void."},
)
def prediction_batch(
    context: dg.AssetExecutionContext,
    config: Asking,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    feed: dg.ResourceParam[Feed],
    models: dg.ResourceParam[Models],
    roster: dg.ResourceParam[Roster],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """What every model answered in the rounds of the window: one cell per round and member.

    Windows of the past are replayed: each model starts fresh, gets one history tick of the
    warm-up length, then sees round by round exactly the records that were final at
    `performed_at`. A stored answer is never asked again unless the run is configured with
    `again: true` and the model's code has changed.
    """
    named = roster.memberships(challenge.start)
    ledger.record_memberships(with_withdrawals(named, ledger.memberships(Mode.REPLAY)))
    ingest = Ingest(challenge, feed, ledger, clock.now())
    replay = Replay(
        challenge, rules, ingest, models, roster.members, context.run.run_id, config.again
    )
    windows = run_windows(context, challenge)
    added: dict[Window, int] = {}
    for window, written in replay.run(windows):
        added[window] = written.added
        if len(added) == WINDOWS_PER_REPORT or window == windows[-1]:
            for batch in batches(list(added), WINDOWS_PER_REPORT):
                yield from _say(context, challenge, ledger, batch, added)
            added = {}


def _say(
    context: dg.AssetExecutionContext,
    challenge: Challenge,
    ledger: Ledger,
    batch: list[Window],
    added: dict[Window, int],
) -> Iterator[Verdict]:
    span = Window(batch[0].start, batch[-1].end)
    due = grid(challenge, span)
    rounds = due.merge(
        ledger.rounds(Mode.REPLAY, span.start, span.end)[[*CELL[:2], "status", "reason"]],
        on=CELL[:2],
        how="left",
    )
    asked = rounds[rounds["status"] == RoundStatus.ASKED.value]
    expected = expected_cells(asked, ledger.memberships(Mode.REPLAY))
    cells = ledger.predictions(Mode.REPLAY, span.start, span.end, outputs=False)
    for window in batch:
        own, own_cells = within(rounds, window), within(cells, window)
        report = Report(context, window)
        void = int((own["status"] == RoundStatus.VOID.value).sum())
        report.metadata(
            mode=Mode.REPLAY.value,
            rounds=len(own),
            void_rounds=void,
            cells=len(own_cells),
            cells_added=added[window],
            outcomes=counts_by_model(own_cells),
        )
        problems = _problems(own, within(expected, window), own_cells)
        yield report.check("coverage", problems)


def _problems(rounds: pd.DataFrame, expected: pd.DataFrame, cells: pd.DataFrame) -> list[str]:
    """What keeps the window from being complete, a line per round or model."""
    at = rounds["performed_at"].dt.strftime("%Y-%m-%d %H:%M:%S UTC")
    void = rounds["status"] == RoundStatus.VOID.value
    missed = rounds["status"].isna()
    problems = [str(text) for text in ("VOID " + at + ": " + rounds["reason"])[void]]
    problems += [f"MISSED {instant}" for instant in at[missed]]
    both = expected.merge(cells[[*CELL, "status"]], on=CELL, how="left")
    unanswered = both.loc[both["status"].isna(), "model_id"].value_counts()
    return problems + [f"{model}: {n} expected cells missing" for model, n in unanswered.items()]
