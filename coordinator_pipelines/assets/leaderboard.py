"""The asset ``leaderboard``: the ranked models at the end of a window."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.assets.tables import leaderboard_table
from coordinator_pipelines.domain.boards import Boards
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.leaderboard import inconsistencies, new_board_versions
from coordinator_pipelines.domain.ledger import Ledger, Mode
from coordinator_pipelines.domain.round import batches
from coordinator_pipelines.domain.rules import Rules
from coordinator_pipelines.domain.standing import histories, standings
from coordinator_pipelines.partitions import closed_windows

WINDOWS_PER_READ = 168


@stage(
    after=("model_scores",),
    kinds=("python",),
    checks={"consistency": "Every model once, ranks 1 to n in the order of key and direction."},
)
def leaderboard(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """The board of record as of the end of the window: every model, ranked or with the reason.

    A board is never changed: a recomputation with other content is a new version. It is final
    once the outcome of every round that was due by then is known.
    """
    boards = Boards(challenge, rules, ledger, Mode.REPLAY, context.run.run_id)
    for batch in batches(closed_windows(context, challenge, clock), WINDOWS_PER_READ):
        ends = [window.end for window in batch]
        before = batch[0].start
        known = ledger.leaderboards(Mode.REPLAY, before, ends[-1])
        computed = boards.leaderboards(ends, ledger.model_scores(Mode.REPLAY, ends))
        written = ledger.add_leaderboards(new_board_versions(computed, known))
        context.log.info(f"{written.added} boards added, {written.revised} of them revisions")
        stored = ledger.leaderboards(Mode.REPLAY, before, ends[-1])
        members = histories(ledger.memberships(Mode.REPLAY))
        for window in batch:
            board = stored[stored["as_of"] == window.end].iloc[0]
            expected = [member.model_id for member in standings(members, window.end)]
            yield _say(Report(context, window), challenge, rules, board, expected)


def _say(
    report: Report,
    challenge: Challenge,
    rules: Rules,
    board: "pd.Series[Any]",
    expected: list[str],
) -> Verdict:
    entries = json.loads(str(board["entries_json"]))
    ranked = [entry for entry in entries if entry["rank"] is not None]
    problems = inconsistencies(entries, expected, ranked_by_key=rules.rank is None)
    report.metadata(
        leaderboard=leaderboard_table(challenge, entries),
        leader=ranked[0]["model_name"] if ranked else "none",
        ranked=len(ranked),
        unranked=len(entries) - len(ranked),
        final=bool(board["final"]),
        version=int(str(board["version"])),
        mode=Mode.REPLAY.value,
        simulated=challenge.feed.simulated,
    )
    return report.check("consistency", problems)
