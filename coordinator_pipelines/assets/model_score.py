"""The asset ``model_scores``: the metrics of each model at the end of a window."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.pictures import score_over_time
from coordinator_pipelines.assets.report import Report, Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.boards import Boards
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.leaderboard import new_board_versions
from coordinator_pipelines.domain.ledger import Ledger, Mode
from coordinator_pipelines.domain.round import batches
from coordinator_pipelines.domain.rules import Rules
from coordinator_pipelines.domain.standing import histories, standings
from coordinator_pipelines.partitions import closed_windows

WINDOWS_PER_READ = 168
PLOT_HOURS = 24


@stage(
    after=("scores",),
    kinds=("python",),
    checks={"all_members": "Every model that has joined has a row, with data or without."},
)
def model_scores(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """The metrics of every model over the trailing windows that end with this window.

    A trailing window holds the scores whose rounds were resolvable in it, open on the left and
    closed on the right; it reaches back beyond this partition. No data is no number, never 0.
    """
    boards = Boards(challenge, rules, ledger, Mode.REPLAY, context.run.run_id)
    for batch in batches(closed_windows(context, challenge, clock), WINDOWS_PER_READ):
        ends = [window.end for window in batch]
        new = new_board_versions(boards.model_scores(ends), ledger.model_scores(Mode.REPLAY, ends))
        written = ledger.add_model_scores(new)
        context.log.info(f"{written.added} model scores added, {written.revised} revisions")
        stored = dict(tuple(ledger.model_scores(Mode.REPLAY, ends).groupby("as_of")))
        none = new.iloc[:0]
        hourly = _hourly_means(boards.statistics(ends))
        members = histories(ledger.memberships(Mode.REPLAY))
        for window in batch:
            rows = stored.get(pd.Timestamp(window.end), none)
            report = Report(context, window)
            expected = {member.model_id for member in standings(members, window.end)}
            report.metadata(
                models=len(rows),
                revised=int((rows["version"] > 1).sum()),
                **_plot(_last_day(hourly, window.end)),
            )
            yield report.check("all_members", _absentees(expected, rows))


def _absentees(expected: set[str], rows: pd.DataFrame) -> list[str]:
    return [f"{model} has no row" for model in sorted(expected - set(rows["model_id"]))]


def _plot(means: pd.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    shown = means.dropna(axis="columns", how="all")
    return {} if shown.empty else {"score_over_time": score_over_time(shown, "mean score")}


def _hourly_means(statistics: pd.DataFrame) -> pd.DataFrame:
    """Mean score per bucket (rows) and model (columns), over all configs."""
    sums = statistics.groupby(["bucket_end", "model_id"])[["total", "n"]].sum()
    means = sums["total"] / sums["n"].where(sums["n"] > 0)
    return means.unstack("model_id")


def _last_day(hourly: pd.DataFrame, end: datetime) -> pd.DataFrame:
    after = pd.Timestamp(end - timedelta(hours=PLOT_HOURS))
    return hourly[(hourly.index > after) & (hourly.index <= pd.Timestamp(end))]
