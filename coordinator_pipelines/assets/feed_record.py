"""The asset ``feed_records``: market data of a window, and its gaps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.feed_record.agreement import Comparison, compared
from coordinator_pipelines.domain.feed_record.feed_record import describe_gaps, missing_instants
from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches, within
from coordinator_pipelines.domain.values.errors import FeedError
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_READ = 168


def _agreement(challenge: Challenge) -> Mapping[str, str]:
    """The check that only a challenge with two sources has."""
    reference = challenge.reference_feed
    if reference is None:
        return {}
    told = f"Closes differ from those of {reference.feed.provider} by {reference.tolerance:.3%} "
    return {"feed_agreement": f"{told}at most."}


@stage(
    kind="source",
    checks={"feed_gaps": "No bar that ends in the window is missing."},
    further_checks=_agreement,
)
def feed_records(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    ledger: dg.ResourceParam[Ledger],
    feed: dg.ResourceParam[Feed],
    reference_feed: dg.ResourceParam[Feed | None],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """Finalised price records of the challenge's feed: the bars that end in the window.

    Materializing again reads the feed again: a bar that has changed since becomes a new version
    beside the old one. Records of a reference feed are compared, and never stored.
    """
    ingest = Ingest(challenge, feed, ledger, clock.now())
    reference = _Reference(challenge, reference_feed, ingest.now)
    for batch in batches(run_windows(context, challenge), WINDOWS_PER_READ):
        span = Window(batch[0].start, batch[-1].end)
        written = ingest.ingest(span.start, span.end)
        context.log.info(f"{written.added} records added, {written.revised} of them revisions")
        stored = ledger.feed_records(challenge.feed.symbols, span.start, span.end)
        comparison = reference.comparison(stored, span)
        for window in batch:
            report = Report(context, window)
            yield _say(report, challenge, feed, within(stored, window, "ended_at"), ingest)
            if comparison is not None:
                yield _compare(report, comparison)


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


@dataclass
class _Reference:
    """The second source in one run: asked span after span, until it fails once."""

    challenge: Challenge
    feed: Feed | None
    now: datetime
    failure: str = ""

    def comparison(self, records: pd.DataFrame, span: Window) -> Comparison | str | None:
        """The feed's records of a span beside the reference's, as far as those are published.

        The reason why there is none, if the reference cannot be had; None without a reference.
        """
        spec = self.challenge.reference_feed
        if self.feed is None or spec is None:
            return None
        if not self.failure:
            published_until = self.now - timedelta(seconds=spec.feed.publication_delay_seconds)
            own = records[records["ended_at"] < published_until]
            try:
                end = min(span.end, published_until)
                other = self.feed.records(spec.feed.symbols, span.start, end)
                return compared(own, self.challenge.feed, other, spec)
            except FeedError as error:
                self.failure = f"not compared, the reference cannot be had: {error}"
        return self.failure


def _compare(report: Report, comparison: Comparison | str) -> Verdict:
    if isinstance(comparison, str):
        return report.check("feed_agreement", [comparison])
    own = comparison.during(report.window)
    report.metadata(compared_with_reference=own.compared, reference_lacks=own.lacking)
    return report.check("feed_agreement", own.problems())
