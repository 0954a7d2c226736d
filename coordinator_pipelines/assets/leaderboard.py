"""The asset ``leaderboard``: the ranked models at the end of a window, or as of now."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines import settings
from coordinator_pipelines.assets.report import Report, Verdict, of_mode
from coordinator_pipelines.assets.season import kept
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.assets.tables import leaderboard_table
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.leaderboard.leaderboard import inconsistencies
from coordinator_pipelines.domain.membership.standing import histories, modes, standings
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.revision.revision import Revisions
from coordinator_pipelines.domain.revision.wording import headline
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches
from coordinator_pipelines.partitions import begun_windows

WINDOWS_PER_READ = 168


@stage(
    after=("model_scores",),
    kind="report",
    checks={"consistency": "Every model once, ranks 1 to n in the order of key and direction."},
)
def leaderboard(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """The board as of the end of the window: every model, ranked or with the reason.

    While the window is open, a board as of the newest model scores: shown, never paid. A board
    is never changed: a recomputation with other content is a new version. The board of record
    is final once the outcome of every round that was due by then is known. A version that
    supersedes a final one has a revision: who moved, because of which rounds. In a closed season
    (`coordinator season`) nothing changes: what would come out otherwise is said, and not written.
    """
    now = clock.now()
    run_id = context.run.run_id
    boards = [Boards(challenge, rules, ledger, mode, run_id, now) for mode in modes(ledger)]
    for batch in batches(begun_windows(context, challenge, now), WINDOWS_PER_READ):
        facts: dict[Window, dict[str, Any]] = {window: {} for window in batch}
        problems: dict[Window, list[str]] = {window: [] for window in batch}
        for own in boards:
            for window, told, wrong in _computed(context, own, own.reached(batch)):
                facts[window] |= of_mode(own.mode, boards, told)
                problems[window] += [f"{own.mode.value}: {problem}" for problem in wrong]
        for window in batch:
            report = Report(context, window)
            report.metadata(**facts[window])
            yield report.check("consistency", problems[window])


def _computed(
    context: dg.AssetExecutionContext, boards: Boards, windows: Sequence[Window]
) -> Iterator[tuple[Window, dict[str, Any], list[str]]]:
    """Rank and store the windows in one mode; of each, what to show and what is wrong."""
    ledger, mode = boards.ledger, boards.mode
    as_of, model_scores = boards.rankable(windows)
    if not as_of:
        return
    instants = list(as_of.values())
    before, last = windows[0].start, instants[-1]
    known = ledger.leaderboards(mode, before, last)
    computed = boards.leaderboards(instants, model_scores)
    new = new_versions_as_of(computed, known)
    written = ledger.add_leaderboards(new)
    closed = kept(context, ledger, mode, new)
    context.log.info(f"{written.added} boards added, {written.revised} of them revisions")
    told = Revisions(boards).tell(before, last)
    revised = dict(zip(told["as_of"], map(json.loads, told["summary_json"]), strict=True))
    for at, summary in revised.items():
        context.log.warning(f"{mode.value}, {at:%Y-%m-%d %H:%M} UTC: {headline(summary)}")
    stored = ledger.leaderboards(mode, before, last)
    members = histories(ledger.memberships(mode))
    for window, instant in as_of.items():
        expected = [member.model_id for member in standings(members, instant)]
        own = stored[stored["as_of"] == instant]
        if own.empty:  # its season was closed without it
            yield window, closed.facts(instant), []
            continue
        facts, problems = _told(boards, own.iloc[0], expected)
        if closed.facts(instant):
            facts, problems = facts | closed.facts(instant), []
        if instant in revised:
            facts["revision"] = headline(revised[pd.Timestamp(instant)])
        yield window, facts, problems


def _told(
    boards: Boards, board: "pd.Series[Any]", expected: list[str]
) -> tuple[dict[str, Any], list[str]]:
    entries = json.loads(str(board["entries_json"]))
    page = settings.report_url()
    ranked = [entry for entry in entries if entry["rank"] is not None]
    problems = inconsistencies(entries, expected, ranked_by_key=boards.rules.rank is None)
    facts = {
        "leaderboard": leaderboard_table(boards.challenge, entries),
        "leader": ranked[0]["model_name"] if ranked else "none",
        **_lead(boards.challenge, ranked),
        **({"page": dg.MetadataValue.url(f"{page}/?mode={boards.mode.value}")} if page else {}),
        "ranked": len(ranked),
        "unranked": len(entries) - len(ranked),
        "as_of": f"{board['as_of']:%Y-%m-%d %H:%M:%S} UTC",
        "final": bool(board["final"]),
        "version": int(str(board["version"])),
        "mode": boards.mode.value,
        "simulated": boards.challenge.feed.simulated,
    }
    return facts, problems


def _lead(challenge: Challenge, ranked: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The leader's score, and by how much it is better than the next one's: numbers to plot."""
    values = [entry["score"]["metrics"].get(challenge.ranking.key) for entry in ranked[:2]]
    if not values or values[0] is None:
        return {}
    told = {"leader_score": float(values[0])}
    if len(values) == 2 and values[1] is not None:
        told["lead"] = abs(float(values[0]) - float(values[1]))
    return told
