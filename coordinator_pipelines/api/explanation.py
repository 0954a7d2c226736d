"""What each link of an explanation says.

Add a field here when a stage stores more; avoid finding what is told (``routes.explain``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, JsonValue

from coordinator_pipelines.api.board import LeaderboardRow
from coordinator_pipelines.api.http.answers import Answer, Sieve
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.stored import json_value
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import trailing


class BoardLink(Answer):
    """The board, and the model's place on it."""

    as_of: ZonedTime
    version: int
    final: bool
    entry: LeaderboardRow | None


class WindowLink(Answer):
    """One trailing window of the board, and whether the round counts in it."""

    window: str
    after: ZonedTime
    until: ZonedTime
    includes: bool = Field(description="after < resolvable_at <= until, for any of the chains")


class ScoreLink(Answer):
    """The score, and where its value comes from."""

    version: int
    value: float | None
    success: bool
    status: str
    rule: str
    scorer: str | None
    failed_reason: str | None
    prediction_version: int | None
    truth_version: int | None
    run_id: str | None
    scored_at: ZonedTime


class TruthLink(Answer):
    """What the outcome was."""

    version: int
    state: str
    reason: str | None
    subject: str | None
    entry_price: float | None
    resolved_price: float | None
    outcome: float | None
    payload: JsonValue
    run_id: str | None


class PredictionLink(Answer):
    """What the model answered."""

    id: str
    version: int
    status: Outcome
    resolvable_at: ZonedTime
    output: JsonValue
    output_withheld: bool = Field(description="Kept back, since the round has no truth yet")
    raw_output: JsonValue = Field(
        description="Only for the model's owner; null if it is the output as it was returned"
    )
    runner_status: str | None
    failed_reason: str | None = Field(description="Only for the model's owner")
    exec_time_ms: float | None
    code_hash: str | None
    run_id: str | None


class RoundLink(Answer):
    """What models were asked, and with which input."""

    status: str
    reason: str | None
    scope: JsonValue
    input: JsonValue
    input_ended_at: ZonedTime | None
    run_id: str | None


class FeedLink(Answer):
    """A version of a feed record at one of the truth's two instants."""

    role: Literal["entry", "resolved"]
    used: bool = Field(description="Whether the truth was read from this version")
    subject: str
    ended_at: ZonedTime
    version: int
    open: float | None
    high: float | None
    low: float | None
    close: float
    volume: float | None
    source: str
    observed_at: ZonedTime


class Chain(Answer):
    """From score to feed records, in one prediction config."""

    prediction_config_id: str
    score: ScoreLink | None
    truth: TruthLink | None
    prediction: PredictionLink
    round: RoundLink | None
    feed_records: list[FeedLink]


class Explanation(Answer):
    """From a place on the board to the feed records."""

    mode: Mode
    model_id: str
    performed_at: ZonedTime
    board: BoardLink | None
    windows: list[WindowLink]
    chains: list[Chain]


def window_links(
    challenge: Challenge, as_of: datetime, chains: Sequence[Chain]
) -> list[WindowLink]:
    """The trailing windows of a board, and whether they hold the round."""
    ends = [chain.prediction.resolvable_at for chain in chains]
    links = []
    for name, hours in challenge.trailing_windows_hours.items():
        after, until = trailing(as_of, hours)
        includes = any(after < end <= until for end in ends)
        links.append(WindowLink(window=name, after=after, until=until, includes=includes))
    return links


def score_link(row: dict[str, Any] | None, inside: bool) -> ScoreLink | None:
    """The link of a stored score; ``inside``: whether its error text is told."""
    if row is None:
        return None
    return ScoreLink(
        version=row["version"],
        value=row["value"],
        success=row["success"],
        status=row["status"],
        rule=row["rule"],
        scorer=row["scorer"],
        failed_reason=row["failed_reason"] if inside else None,
        prediction_version=row["prediction_version"],
        truth_version=row["truth_version"],
        run_id=row["run_id"],
        scored_at=row["created_at"],
    )


def prediction_link(sieve: Sieve, row: dict[str, Any], inside: bool, told: bool) -> PredictionLink:
    """The link of a stored prediction; ``told``: whether the output is told."""
    return PredictionLink(
        id=row["id"],
        version=row["version"],
        status=row["status"],
        resolvable_at=row["resolvable_at"],
        output=sieve.one(row["output_json"], json_value) if told else None,
        output_withheld=not told,
        raw_output=sieve.one(row["raw_output_json"], json_value) if inside else None,
        runner_status=row["runner_status"],
        failed_reason=row["failed_reason"] if inside else None,
        exec_time_ms=row["exec_time_ms"],
        code_hash=row["code_hash"],
        run_id=row["run_id"],
    )
