"""What changed between two boards, model by model.

Add here what a comparison says; avoid finding the boards (``routes.leaderboard``).
"""

from typing import Literal

from pydantic import Field

from coordinator_pipelines.api.board import UNRANKED, Board, LeaderboardRow
from coordinator_pipelines.api.http.answers import Answer
from coordinator_pipelines.api.http.names import Name
from coordinator_pipelines.api.http.times import ZonedTime

Change = Literal["joined", "gone", "up", "down", "value", "other", "none"]


class BoardIdentity(Answer):
    """Which board."""

    as_of: ZonedTime
    version: int
    final: bool
    created_at: ZonedTime
    content_hash: str | None


class ModelChange(Answer):
    """One model on both boards; ranks are null for who had none."""

    model_id: str
    model_name: Name
    change: Change
    rank_before: int | None
    rank_after: int | None
    value_before: float | None = Field(description="Value of the ranking key")
    value_after: float | None


class BoardDiff(Answer):
    """Two boards compared; all models of either, in the order of the later one."""

    before: BoardIdentity
    after: BoardIdentity
    same_content: bool
    changes: list[ModelChange]


def board_diff(before: Board, after: Board) -> BoardDiff:
    """What changed from one board to another."""
    old = {row.model_id: row for row in before.rows}
    new = {row.model_id: row for row in after.rows}
    gone = [model_id for model_id in old if model_id not in new]
    return BoardDiff(
        before=_identity(before),
        after=_identity(after),
        same_content=before.content_hash == after.content_hash,
        changes=[_change(old.get(one), new.get(one)) for one in [*new, *gone]],
    )


def _identity(board: Board) -> BoardIdentity:
    return BoardIdentity(
        as_of=board.as_of,
        version=board.version,
        final=board.final,
        created_at=board.created_at,
        content_hash=board.content_hash,
    )


def _change(old: LeaderboardRow | None, new: LeaderboardRow | None) -> ModelChange:
    named = new or old
    if named is None:
        raise ValueError("a model of neither board cannot have changed")
    return ModelChange(
        model_id=named.model_id,
        model_name=named.model_name,
        change=_kind(old, new),
        rank_before=_rank(old),
        rank_after=_rank(new),
        value_before=old.score_ranking.value if old else None,
        value_after=new.score_ranking.value if new else None,
    )


def _kind(old: LeaderboardRow | None, new: LeaderboardRow | None) -> Change:
    if old is None:
        return "joined"
    if new is None:
        return "gone"
    if old.rank != new.rank:
        return "up" if new.rank < old.rank else "down"
    if old.score_ranking.value != new.score_ranking.value:
        return "value"
    told = ((one.score_metrics, one.score_payload, one.certainty) for one in (old, new))
    return "none" if next(told) == next(told) else "other"


def _rank(row: LeaderboardRow | None) -> int | None:
    return None if row is None or row.rank == UNRANKED else row.rank
