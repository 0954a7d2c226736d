"""The asset ``ground_truth``: what the outcome of a window's rounds was."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode, TruthState
from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.ground_truth.ground_truth import (
    RESOLVER,
    missing_of,
    new_versions,
    provisional,
    resolve,
    untold,
)
from coordinator_pipelines.domain.ground_truth.posted import resolve_posted
from coordinator_pipelines.domain.ground_truth.resolution import patience, provable_until
from coordinator_pipelines.domain.ground_truth.voided import Voids
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches, within
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_READ = 168


@stage(
    after=("feed_records", "prediction_batch"),
    kind="labels",
    checks={"truth_finality": "Every round that is due has an outcome from final records."},
)
def ground_truth(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """The outcome of each round: the price at `resolvable_at` against that at `performed_at`.

    The price at T is the close of the bar that ends at T, and counts once a later bar proves
    it final. It depends on records only, never on when this ran. A changed record gives a new
    version of the truth; the old one stays.

    The outcome of a round that an operator opened is the table that the operator posted last. A
    round that an operator voided has none, until that is taken back (`coordinator round`).
    """
    ingest = Ingest(challenge, feed, ledger, clock.now())
    newest = ingest.newest()
    for batch in batches(run_windows(context, challenge), WINDOWS_PER_READ):
        span = Window(batch[0].start, batch[-1].end)
        rounds = timeline(challenge, ledger, span)
        records = ingest.records(span.start, _reach(challenge, span))
        stored = ledger.ground_truths(span.start, span.end)
        voids = Voids(ledger.round_voids(span.start, span.end))
        told, counting = _told_before(ledger, voids, span, stored), voids.counting(rounds)
        if challenge.is_operated:
            posted = ledger.posted_truths(span.start, span.end)
            truths = resolve_posted(challenge, counting, posted, told, ingest.now)
        else:
            open_rounds = _with_inputs(rules, ledger, span, untold(rules, counting, told))
            truths = resolve(challenge, rules, open_rounds, records, newest, ingest.now)
        new = voids.versions(new_versions(truths, told), stored, told, rounds, ingest.now)
        written = ledger.add_ground_truths(new.assign(run_id=context.run.run_id))
        context.log.info(f"{written.added} truths added, {written.revised} of them revisions")
        stored = ledger.ground_truths(span.start, span.end)
        unproven = rounds.iloc[:0]
        if not challenge.is_operated:
            unproven = provisional(challenge, counting, records, newest)
        due_until = provable_until(challenge, ingest.now - patience(challenge))
        due = rounds[rounds["resolvable_at"] <= due_until]
        for window in batch:
            own = (within(frame, window) for frame in (rounds, stored, unproven, due))
            yield _say(Report(context, window), *own)


def _told_before(ledger: Ledger, voids: Voids, span: Window, stored: pd.DataFrame) -> pd.DataFrame:
    """The truths that count but for the voids that were taken back since they were told."""
    if voids.unapplied(stored).empty:
        return stored
    return voids.told_before(stored, ledger.truth_versions(span.start, span.end))


def _with_inputs(rules: Rules, ledger: Ledger, span: Window, rounds: pd.DataFrame) -> pd.DataFrame:
    """The rounds, with what models were given live if a resolver asks the outside by it."""
    if RESOLVER not in rules.not_replayable:
        return rounds
    given = ledger.rounds(Mode.LIVE, span.start, span.end, inputs=True)
    return rounds.merge(given[[*ROUND, "input_json"]], on=ROUND, how="left")


def _reach(challenge: Challenge, span: Window) -> datetime:
    """One bar beyond the last ``resolvable_at`` of the rounds in the span."""
    farthest = max(config.cadence.horizon for config in challenge.configs)
    return span.end + farthest + timedelta(seconds=challenge.feed.granularity_seconds)


def _say(
    report: Report,
    rounds: pd.DataFrame,
    truths: pd.DataFrame,
    unproven: pd.DataFrame,
    due: pd.DataFrame,
) -> Verdict:
    told = pd.MultiIndex.from_frame(truths[ROUND])
    waiting = unproven[~pd.MultiIndex.from_frame(unproven[ROUND]).isin(told)]
    states = truths["state"].value_counts()
    outcomes = truths["outcome"].value_counts()
    report.metadata(
        rounds=len(rounds),
        final=int(states.get(TruthState.FINAL.value, 0)),
        void=int(states.get(TruthState.VOID.value, 0)),
        unresolvable=int(states.get(TruthState.UNRESOLVABLE.value, 0)),
        provisional=len(waiting),
        not_resolved_yet=len(rounds) - len(truths) - len(waiting),
        up=int(outcomes.get(1.0, 0)),
        down=int(outcomes.get(0.0, 0)),
        revised=int((truths["version"] > 1).sum()),
    )
    return report.check("truth_finality", missing_of(truths, due))
