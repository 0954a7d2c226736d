"""The asset ``prediction_batch``: what the models answered in a window's rounds."""

from collections.abc import Iterator

import dagster as dg

from coordinator_pipelines import logs
from coordinator_pipelines.assets.asking import Asking
from coordinator_pipelines.assets.coverage import say
from coordinator_pipelines.assets.report import Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, Written
from coordinator_pipelines.domain.doors.lifeline import Lifeline
from coordinator_pipelines.domain.doors.models import LiveModels, Models
from coordinator_pipelines.domain.doors.workers import Workers
from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.membership.standing import with_withdrawals
from coordinator_pipelines.domain.prediction_batch.capture import MOST_IN_FLIGHT, Capture
from coordinator_pipelines.domain.prediction_batch.observation import Observation
from coordinator_pipelines.domain.prediction_batch.replay import Replay
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_REPORT = 12


@stage(
    after=("feed_records",),
    kind="inference",
    checks={"coverage": "Every expected cell has an answer or a reason; no round is missing."},
)
def prediction_batch(
    context: dg.AssetExecutionContext,
    config: Asking,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    feed: dg.ResourceParam[Feed],
    models: dg.ResourceParam[Models],
    live_models: dg.ResourceParam[LiveModels],
    lifeline: dg.ResourceParam[Lifeline],
    roster: dg.ResourceParam[Roster],
    clock: dg.ResourceParam[Clock],
    workers: dg.ResourceParam[Workers],
) -> Iterator[Verdict]:
    """What every model answered in the rounds of the window: one cell per round and member.

    An open window is captured: models are asked live, at the instant of each round, for at most
    15 minutes. A round that was missed stays missed.

    Windows of the past are replayed: each model starts fresh, is told the history of the
    warm-up length, then sees round by round exactly the records that were final at
    `performed_at`. A stored answer is never asked again unless the run is configured with
    `again: true` and the model's code has changed. Live answers are never touched.

    Rounds that an operator opened are asked once, until they close; the sensor sees to that.
    """
    windows, now, run_id = run_windows(context, challenge), clock.now(), context.run.run_id
    span = config.span(challenge, windows, now, retried=context.retry_number > 0)
    if span is not None:
        logs.to_standard_error()
        with live_models, workers(1) as beside, workers(MOST_IN_FLIGHT) as answering:
            sight = Observation(challenge, feed, ledger, clock, beside)
            capture = Capture(
                challenge, rules, ledger, sight, live_models, lifeline, clock, answering, run_id
            )
            until = capture.run(span)
        # Not as of now: the next capture may have claimed a round that it has not stored yet.
        yield from say(context, challenge, ledger, windows, until, {})
    elif config.replays(challenge, ledger, windows):
        named = roster.memberships(challenge.start)
        ledger.record_memberships(with_withdrawals(named, ledger.memberships(Mode.REPLAY)))
        ingest = Ingest(challenge, feed, ledger, now)
        replay = Replay(challenge, rules, ingest, models, roster.members, run_id, config.again)
        for added in _by_report(replay.run(windows), windows[-1]):
            yield from say(context, challenge, ledger, list(added), clock.now(), added)
    else:
        yield from say(context, challenge, ledger, windows, now, {})


def _by_report(
    written: Iterator[tuple[Window, Written]], last: Window
) -> Iterator[dict[Window, int]]:
    """Cells added by window, of as many windows that follow on one another as are told at once."""
    added: dict[Window, int] = {}
    for window, cells in written:
        added[window] = cells.added
        if len(added) == WINDOWS_PER_REPORT or window == last:
            for batch in batches(list(added), WINDOWS_PER_REPORT):
                yield {each: added[each] for each in batch}
            added = {}
