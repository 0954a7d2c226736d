"""Stored revisions, told row by row.

Add here what a revision tells; avoid finding one (``routes.revisions``).
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from coordinator_pipelines.api.http.answers import Answer
from coordinator_pipelines.api.http.names import Name
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.payout import BILLIONTHS
from coordinator_pipelines.api.stored import json_object
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.revision.changed_scores import Cause
from coordinator_pipelines.domain.revision.wording import headline


class Move(Answer):
    """A model whose rank is another one; null for who has none."""

    model_id: str
    model_name: Name
    rank_before: int | None
    rank: int | None
    value_before: float | None = Field(description="Value of the ranking key")
    value: float | None


class RevisionRow(Answer):
    """What came out otherwise in a new version of a final board."""

    id: str
    mode: Mode
    as_of: ZonedTime
    version: int = Field(description="Of the board that superseded the version before")
    content_hash: str
    told: Name = Field(description="The revision in one line")
    causes: dict[Cause, int] = Field(description="Cause -> rounds")
    rounds_changed: int
    scores_changed: int
    models_changed: int
    moved: int = Field(description="Models whose rank is another one")
    moves: list[Move] = Field(description="The first few of them")
    payout_period_end: ZonedTime | None = Field(description="The period that is paid on the board")
    payout_moved: int = Field(description=f"What others would get. {BILLIONTHS}")


class BoardVersion(Answer):
    """A version of a board."""

    version: int
    content_hash: str | None


class TruthTold(Answer):
    """A version of a round's truth."""

    version: int
    state: str | None
    outcome: float | None
    reason: Name | None


class RevisedRound(Answer):
    """A round of which scores changed."""

    prediction_config_id: str
    performed_at: ZonedTime
    resolvable_at: ZonedTime
    causes: list[Cause]
    scores: int
    truth_before: TruthTold | None
    truth: TruthTold | None


class ScorerChange(Answer):
    """Scores of another scorer: its path, version and digest."""

    before: Name
    after: Name
    scores: int


class RevisedScore(Answer):
    """A score that changed, and by how much it moved the model's mean in each window."""

    prediction_config_id: str
    performed_at: ZonedTime
    causes: list[Cause]
    value_before: float | None
    value: float | None
    parts: dict[str, float | None]


class RevisedScores(Answer):
    """The scores that are not named one by one, added up."""

    scores: int
    parts: dict[str, float]


class RevisedWindow(Answer):
    """A model's mean score in a trailing window; ``change`` is the sum of the scores' parts."""

    n_before: int
    n: int
    mean_before: float | None
    mean: float | None
    change: float | None


class RevisedModel(Move):
    """A model of which something is told otherwise."""

    listed_before: bool
    listed: bool
    unranked_reason_before: Name | None
    unranked_reason: Name | None
    scores_changed: int
    windows: dict[str, RevisedWindow]
    scores: list[RevisedScore] = Field(description="Those that moved it most")
    rest: RevisedScores


class ShareChange(Answer):
    """What an account would get."""

    account: Name
    before: int = Field(description=BILLIONTHS)
    after: int = Field(description=BILLIONTHS)


class PayoutChange(Answer):
    """What the period would pay on the one board and on the other."""

    period_end: ZonedTime
    reason: Name | None = Field(description="Why it cannot be told, if so")
    accounts: list[ShareChange]


class Revision(RevisionRow):
    """Everything that a revision tells."""

    before: BoardVersion
    after: BoardVersion
    metric: str = Field(description="The ranking key")
    scorers: list[ScorerChange]
    rounds: list[RevisedRound] = Field(description="The first ones")
    models: list[RevisedModel]
    payout: PayoutChange | None = Field(description="Null if no period is paid on the board")


def revision_row(stored: Mapping[str, Any]) -> RevisionRow:
    """A row of a list. ``stored``: REVISION_COLUMNS without the document."""
    return RevisionRow(**_head(stored))


def revision(stored: Mapping[str, Any]) -> Revision:
    """One revision. ``stored``: REVISION_COLUMNS."""
    document = json_object(stored["document_json"])
    own = {name: document[name] for name in Revision.model_fields if name in document}
    return Revision(**{**own, **_head(stored)})


def _head(stored: Mapping[str, Any]) -> dict[str, Any]:
    summary = json_object(stored["summary_json"])
    names = ("id", "mode", "as_of", "version", "content_hash")
    return {name: stored[name] for name in names} | summary | {"told": headline(summary)}
