"""``/reports/leaderboard``: the newest board, an older one or an older version, and what changed.

Add here how a board is found; avoid what its rows say (``api.board``).
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from coordinator_pipelines.api.board import Board, LeaderboardRow, told_board
from coordinator_pipelines.api.board_diff import BoardDiff, board_diff
from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import WARNING, answered, next_page
from coordinator_pipelines.api.http.context import END_OF_TIME, START_OF_TIME, Context, Ctx
from coordinator_pipelines.api.http.parameters import (
    EXAMPLE_INSTANT,
    AskedMode,
    Instant,
    Limit,
    Offset,
    WithEnsembles,
)
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.season import AskedSeason, asked_season, last_instant
from coordinator_pipelines.domain.doors.ledger import Mode

routes = APIRouter(tags=["leaderboard"])

MOST_UNREADABLE = 10
"""Boards in a row of which nothing can be read, until none stands in for the newest one."""

AsOf = Annotated[
    Instant | None,
    Query(description="The newest board at this instant; now", examples=[EXAMPLE_INSTANT]),
]
Version = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="That version of it; the newest")
]


@routes.get(
    "/reports/leaderboard",
    response_model=list[LeaderboardRow],
    responses=documented(404),
    dependencies=[PUBLIC],
)
def leaderboard(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    as_of: AsOf = None,
    version: Version = None,
    season: AskedSeason = None,
    ensembles: WithEnsembles = False,
    limit: Limit = 10_000,
    offset: Offset = 0,
) -> Response:
    """One board in order: best first, unranked models last. Empty if there is no board yet.

    Ensembles have no rank: they come among the ranked models, where their values would put them. If
    there are more rows, the header `Link` names the next page of the same board.
    """
    own = asked_season(context, season, as_of)
    board = find_board(context, mode, last_instant(own, as_of), version, ensembles=ensembles)
    if board is None or (own is not None and board.as_of not in own):
        if version is not None:
            raise Refusal(404, f"there is no version {version} of that board that can be read")
        return answered(request, [])
    rows, end = board.rows[offset : offset + limit], offset + limit
    same = {"mode": mode, "as_of": board.as_of, "version": board.version}
    more = next_page(request, **same, offset=end) if end < len(board.rows) else {}
    more |= {WARNING: board.warning} if board.warning else {}
    return answered(request, rows, skipped=board.skipped, modified=board.created_at, headers=more)


@routes.get(
    "/reports/leaderboard/diff",
    response_model=BoardDiff,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def leaderboard_diff(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    as_of: AsOf = None,
    version: Version = None,
    before_as_of: AsOf = None,
    before_version: Version = None,
) -> Response:
    """What changed from an earlier board to a later one.

    The later one is found by `as_of` and `version`. The earlier one by `before_as_of` and
    `before_version`; if neither is given, it is the version before, or of a first version the
    board before.
    """
    after = find_board(context, mode, as_of, version)
    if after is None:
        raise Refusal(404, "there is no such board")
    if before_as_of is None and before_version is None:
        before = _previous(context, after)
    else:
        before = find_board(context, mode, before_as_of or after.as_of, before_version)
    if before is None or not before.is_readable:
        raise Refusal(404, "there is no earlier board to compare with that can be read")
    return answered(request, board_diff(before, after), skipped=before.skipped + after.skipped)


def find_board(
    context: Context,
    mode: Mode,
    as_of: datetime | None,
    version: int | None = None,
    *,
    ensembles: bool = False,
) -> Board | None:
    """The newest board at an instant (of all times if None), in one version of it.

    If nothing of it can be read, the version or the board before stands in for it, and says so;
    for a version that was named, nothing does.
    """
    stored = context.reports.board(mode, as_of or END_OF_TIME, version=version)
    newest = told_board(context, stored, ensembles=ensembles)
    if newest is None or newest.is_readable:
        return newest
    board: Board | None = newest
    for _ in range(0 if version else MOST_UNREADABLE):
        board = _previous(context, board) if board else None
        if board is not None and board.is_readable:
            return board.instead_of(newest)
    return None if version else newest


def _previous(context: Context, board: Board) -> Board | None:
    """The version before, or of a first one the board before, as it is."""
    reports, mode, as_of = context.reports, board.mode, board.as_of
    if board.version > 1:
        return told_board(context, reports.board(mode, as_of, version=board.version - 1))
    earlier = as_of - timedelta(microseconds=1)
    return None if earlier < START_OF_TIME else told_board(context, reports.board(mode, earlier))
