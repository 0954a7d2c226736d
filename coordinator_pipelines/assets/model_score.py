"""The asset ``model_scores``: the metrics of each model at the end of a window, or as of now."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.pictures import illustrated, score_over_time
from coordinator_pipelines.assets.report import Report, Verdict, of_mode
from coordinator_pipelines.assets.season import kept
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.membership.standing import histories, modes, standings
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, as_of, batches
from coordinator_pipelines.partitions import begun_windows

WINDOWS_PER_READ = 168
PLOT_HOURS = 24


@stage(
    after=("scores", "ensemble"),
    kind="aggregation",
    checks={"all_members": "Every model that has joined has a row, with data or without."},
)
def model_scores(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """The metrics of every model over the trailing windows that end with this window, or now.

    A trailing window holds the scores whose rounds were resolvable in it, open on the left and
    closed on the right; it reaches back beyond this partition. No data is no number, never 0.
    """
    now = clock.now()
    run_id = context.run.run_id
    boards = [Boards(challenge, rules, ledger, mode, run_id, now) for mode in modes(ledger)]
    windows = begun_windows(context, challenge, now)
    pictured = illustrated(windows)
    for batch in batches(windows, WINDOWS_PER_READ):
        facts: dict[Window, dict[str, Any]] = {window: {} for window in batch}
        problems: dict[Window, list[str]] = {window: [] for window in batch}
        for own in boards:
            computed = _computed(context, own, own.reached(batch), now, pictured)
            for window, told, missing in computed:
                facts[window] |= of_mode(own.mode, boards, told)
                problems[window] += missing
        for window in batch:
            report = Report(context, window)
            report.metadata(as_of=f"{as_of(window, now):%Y-%m-%d %H:%M:%S} UTC", **facts[window])
            yield report.check("all_members", problems[window])


def _computed(
    context: dg.AssetExecutionContext,
    boards: Boards,
    windows: Sequence[Window],
    now: datetime,
    pictured: Collection[Window],
) -> Iterator[tuple[Window, dict[str, Any], list[str]]]:
    """Compute and store the windows in one mode; of each, what to show and who is missing."""
    if not windows:
        return
    ends, ledger = [as_of(window, now) for window in windows], boards.ledger
    new = new_versions_as_of(boards.model_scores(ends), ledger.model_scores(boards.mode, ends))
    written = ledger.add_model_scores(new)
    context.log.info(f"{written.added} model scores added, {written.revised} revisions")
    stored = dict(tuple(ledger.model_scores(boards.mode, ends).groupby("as_of")))
    closed = kept(context, ledger, boards.mode, new)
    hourly = _hourly_means(boards.statistics(ends))
    members = histories(ledger.memberships(boards.mode))
    for window, end in zip(windows, ends, strict=True):
        rows = stored.get(pd.Timestamp(end), new.iloc[:0])
        expected = {member.model_id for member in standings(members, end)}
        told = {
            "models": len(rows),
            "revised": int((rows["version"] > 1).sum()),
            **closed.facts(end),
            **(_plot(_last_day(hourly, end)) if window in pictured else {}),
        }
        absent = [] if closed.facts(end) else sorted(expected - set(rows["model_id"]))
        yield window, told, [f"{boards.mode.value}: {model} has no row" for model in absent]


def _plot(means: pd.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    shown = means.dropna(axis="columns", how="all")
    return {} if shown.empty else {"score_over_time": score_over_time(shown, "mean score")}


def _hourly_means(statistics: pd.DataFrame) -> pd.DataFrame:
    """Mean score per bucket (rows) and model (columns), over all configs."""
    sums = statistics.groupby(["bucket_end", "model_id"])[["total", "n"]].sum()
    means = sums["total"] / sums["n"].where(sums["n"] > 0)
    return means.unstack("model_id")


def _last_day(hourly: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """The day up to the instant; the bucket that it lies in is shown as far as it is filled."""
    after = pd.Timestamp(end - timedelta(hours=PLOT_HOURS))
    return hourly[(hourly.index > after) & (hourly.index < pd.Timestamp(end) + timedelta(hours=1))]
