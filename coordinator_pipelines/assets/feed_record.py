"""The asset ``feed_records``: market data of a window, and its gaps."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.feed_record import describe_gaps, missing_instants
from coordinator_pipelines.domain.ingest import Ingest
from coordinator_pipelines.domain.ledger import Ledger
from coordinator_pipelines.domain.round import Window, batches, within
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_READ = 168


@stage(kinds=("python",), checks={"feed_gaps": "No bar that ends in the window is missing."})
def feed_records(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    ledger: dg.ResourceParam[Ledger],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """Finalised price records of the challenge's feed: the bars that end in the window.

    Materializing again reads the feed again: a bar that has changed since becomes a new version
    beside the old one.
    """
    ingest = Ingest(challenge, feed, ledger, clock.now())
    for batch in batches(run_windows(context, challenge), WINDOWS_PER_READ):
        written = ingest.ingest(batch[0].start, batch[-1].end)
        context.log.info(f"{written.added} records added, {written.revised} of them revisions")
        stored = ledger.feed_records(challenge.feed.symbols, batch[0].start, batch[-1].end)
        for window in batch:
            report = Report(context, window)
            yield _say(report, challenge, feed, within(stored, window, "ended_at"), ingest)


def _say(
    report: Report, challenge: Challenge, feed: Feed, records: pd.DataFrame, ingest: Ingest
) -> Verdict:
    gaps = _gaps(challenge, records, report.window, ingest)
    report.metadata(
        records=len(records),
        source=feed.source,
        simulated=feed.simulated,
        revised_records=int((records["version"] > 1).sum()),
        gaps="; ".join(gaps) or "none",
    )
    return report.check("feed_gaps", gaps)


def _gaps(challenge: Challenge, records: pd.DataFrame, window: Window, ingest: Ingest) -> list[str]:
    """Every run of missing bars, by symbol; what is not published yet is not missing."""
    bar = challenge.feed.granularity_seconds
    end = min(window.end, ingest.published_until)
    gaps = []
    for symbol in challenge.feed.symbols:
        own = records[records["subject"] == symbol]
        missing = missing_instants(own, window.start, end, bar)
        gaps += [f"{symbol} {gap}" for gap in describe_gaps(missing, bar)]
    return gaps
