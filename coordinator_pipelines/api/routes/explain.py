"""``/reports/explain``: the chain from a place on the board back to the feed records.

Add here a link of the chain; avoid computing anything anew: what is stored is told. What a model
answered is told once the round is resolved, and before that, like its error text, to its owner.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from coordinator_pipelines.api.board import Board
from coordinator_pipelines.api.explanation import (
    BoardLink,
    Chain,
    Explanation,
    FeedLink,
    RoundLink,
    TruthLink,
    prediction_link,
    score_link,
    window_links,
)
from coordinator_pipelines.api.http.access import READ, AnyCaller
from coordinator_pipelines.api.http.answers import Sieve, answered, records
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import EXAMPLE_INSTANT, AskedMode, Instant
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.routes.leaderboard import AsOf, Version, find_board
from coordinator_pipelines.api.stored import json_value
from coordinator_pipelines.domain.doors.ledger import Mode

routes = APIRouter(tags=["explain"])

MOMENT = timedelta(microseconds=1)


@routes.get(
    "/reports/explain",
    response_model=Explanation,
    responses=documented(403, 404),
    dependencies=[READ],
)
def explain(
    request: Request,
    context: Ctx,
    caller: AnyCaller,
    mode: AskedMode,
    model: Annotated[str, Query(description="Id of the model", examples=["momentum"])],
    performed_at: Annotated[
        Instant,
        Query(alias="round", description="When models were asked", examples=[EXAMPLE_INSTANT]),
    ],
    as_of: AsOf = None,
    version: Version = None,
) -> Response:
    """One model in one round: place, windows, score, truth, prediction, input, feed records.

    There is a chain per prediction config that was due in the round.
    """
    memberships = context.reports.memberships(mode)
    own = memberships[memberships["model_id"] == model]
    if own.empty:
        raise Refusal(404, f"there is no model {model[:80]!r}")
    inside = caller.sees_inside(own["owner_id"].iloc[-1])
    sieve = Sieve(context, "explanation")
    chains = _chains(context, sieve, mode, model, performed_at, inside)
    if not chains:
        raise Refusal(404, f"{model} has no prediction in the round of {performed_at.isoformat()}")
    board = find_board(context, mode, as_of, version)
    told = Explanation(
        mode=mode,
        model_id=model,
        performed_at=performed_at,
        board=_board_link(board, model),
        windows=window_links(context.challenge, board.as_of, chains) if board else [],
        chains=chains,
    )
    return answered(request, told, skipped=sieve.skipped)


def _chains(
    context: Context, sieve: Sieve, mode: Mode, model: str, performed_at: datetime, inside: bool
) -> list[Chain]:
    reports, end = context.reports, performed_at + MOMENT
    asked = reports.reported_predictions(mode, performed_at, end, [model], outputs=True)
    scores = _by_config(reports.reported_scores(mode, performed_at, end, [model]))
    truths = _by_config(reports.ground_truths(performed_at, end))
    rounds = _by_config(reports.asked_rounds(mode, performed_at))

    def chain(prediction: dict[str, Any]) -> Chain:
        config = prediction["prediction_config_id"]
        truth = truths.get(config)
        return Chain(
            prediction_config_id=config,
            score=score_link(scores.get(config), inside),
            truth=_truth_link(sieve, truth),
            prediction=prediction_link(sieve, prediction, inside, inside or truth is not None),
            round=_round_link(sieve, rounds.get(config)),
            feed_records=_feed_links(context, truth),
        )

    return sieve.rows(records(asked), chain)


def _by_config(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["prediction_config_id"]: row for row in records(frame)}


def _board_link(board: Board | None, model: str) -> BoardLink | None:
    if board is None:
        return None
    row = next((row for row in board.rows if row.model_id == model), None)
    return BoardLink(as_of=board.as_of, version=board.version, final=board.final, entry=row)


def _round_link(sieve: Sieve, row: dict[str, Any] | None) -> RoundLink | None:
    if row is None:
        return None
    return RoundLink(
        status=row["status"],
        reason=row["reason"],
        scope=sieve.one(row["scope_json"], json_value),
        input=sieve.one(row["input_json"], json_value),
        input_ended_at=row["input_ended_at"],
        run_id=row["run_id"],
    )


def _truth_link(sieve: Sieve, row: dict[str, Any] | None) -> TruthLink | None:
    if row is None:
        return None
    return TruthLink(
        version=row["version"],
        state=row["state"],
        reason=row["reason"],
        subject=row["subject"],
        entry_price=row["entry_price"],
        resolved_price=row["resolved_price"],
        outcome=row["outcome"],
        payload=sieve.one(row["payload_json"], json_value),
        run_id=row["run_id"],
    )


def _feed_links(context: Context, truth: dict[str, Any] | None) -> list[FeedLink]:
    """The records that the truth was read from, in the versions that it was read from."""
    if truth is None or truth["subject"] is None:
        return []
    ends = {"entry": truth["performed_at"], "resolved": truth["resolvable_at"]}
    stored = records(context.reports.feed_versions(truth["subject"], list(ends.values())))
    return [
        FeedLink(role=role, used=record["version"] == truth[f"{role}_record_version"], **record)
        for role, end in ends.items()
        for record in stored
        if record["ended_at"] == end
    ]
