"""``/reports/checkpoints``: who was paid what of each period, why, and what has become of it.

Add here how a checkpoint is found; avoid what its rows say (``api.payout``). Nothing can be
approved or paid through this API: it changes nothing.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import MALFORMED, Sieve, answered
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import AskedMode, AskedModels
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.payout import (
    CheckpointPayload,
    CheckpointRow,
    CliEmission,
    Emission,
    PayoutExplanation,
    Prize,
    RewardRow,
    checkpoint_rows,
    documents,
    payload,
    reward_rows,
    step_rows,
)
from coordinator_pipelines.domain.checkpoint import formats
from coordinator_pipelines.domain.checkpoint.state import State
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.values.errors import CheckpointError

routes = APIRouter(tags=["checkpoints"])

NEWEST = "latest"
Id = Annotated[
    str, Path(max_length=100, description=f"Id of a checkpoint, or `{NEWEST}`", examples=[NEWEST])
]
Periods = Annotated[int, Query(ge=1, le=100, description="Of so many newest periods")]
Whole = Annotated[int, Query(ge=1, le=10**15, description="The whole amount")]


@routes.get(
    "/reports/checkpoints",
    response_model=list[CheckpointRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def checkpoints(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    status: Annotated[State | None, Query(description="Only those that are so far")] = None,
    limit: Periods = 20,
) -> Response:
    """The checkpoints of the newest periods, every version, the newest first."""
    rows = checkpoint_rows(context, context.reports.checkpoint_heads(mode, newest=limit))
    return answered(request, [row for row in rows if status in (None, row.status)])


@routes.get(
    "/reports/checkpoints/rewards",
    response_model=list[RewardRow],
    responses=documented(),
    dependencies=[PUBLIC],
)
def rewards(
    request: Request, context: Ctx, mode: AskedMode, models: AskedModels, limit: Periods = 20
) -> Response:
    """What each model got of the newest periods: of what was paid, else of the newest version."""
    heads = context.reports.checkpoint_heads(mode, newest=limit)
    sieve = Sieve(context, "checkpoints")
    rows = reward_rows(sieve, documents(context, mode, heads), models)
    return answered(request, rows, skipped=sieve.skipped)


@routes.get(
    "/reports/checkpoints/{checkpoint_id}",
    response_model=CheckpointPayload,
    responses=documented(404),
    dependencies=[PUBLIC],
)
@routes.get(
    "/reports/checkpoints/{checkpoint_id}/payload",
    response_model=CheckpointPayload,
    responses=documented(404),
    dependencies=[PUBLIC],
    name="checkpoint_payload",
)
def checkpoint(request: Request, context: Ctx, mode: AskedMode, checkpoint_id: Id) -> Response:
    """One checkpoint with all its entries, paid or not."""
    stored, versions = _found(context, mode, checkpoint_id)
    sieve = Sieve(context, "checkpoints")
    told = payload(sieve, versions, stored["id"])
    return answered(request, told, skipped=sieve.skipped)


@routes.get(
    "/reports/checkpoints/{checkpoint_id}/explain",
    response_model=PayoutExplanation,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def explain_checkpoint(
    request: Request, context: Ctx, mode: AskedMode, checkpoint_id: Id
) -> Response:
    """From the board that was paid on, by its hash, to every share, and every step since."""
    stored, versions = _found(context, mode, checkpoint_id)
    sieve = Sieve(context, "checkpoints")
    told = PayoutExplanation(
        checkpoint=payload(sieve, versions, stored["id"]),
        steps=step_rows(context.reports.checkpoint_events([stored["id"]])),
    )
    return answered(request, told, skipped=sieve.skipped)


@routes.get(
    "/reports/checkpoints/{checkpoint_id}/emission",
    response_model=Emission,
    responses=documented(404, 409),
    dependencies=[PUBLIC],
)
def emission(request: Request, context: Ctx, mode: AskedMode, checkpoint_id: Id) -> Response:
    """The raw emission: billionths by index. 409 if the checkpoint pays nobody."""
    stored, _ = _found(context, mode, checkpoint_id)
    return _made(request, lambda: Emission(**formats.emission(stored)))


@routes.get(
    "/reports/checkpoints/{checkpoint_id}/emission/cli-format",
    response_model=CliEmission,
    responses=documented(404, 409),
    dependencies=[PUBLIC],
)
def emission_for_the_command_line(
    request: Request, context: Ctx, mode: AskedMode, checkpoint_id: Id
) -> Response:
    """The emission as the command line takes it: percent by model."""
    stored, _ = _found(context, mode, checkpoint_id)
    return _made(request, lambda: CliEmission(**formats.cli_format(stored)))


@routes.get(
    "/reports/checkpoints/{checkpoint_id}/prizes",
    response_model=list[Prize],
    responses=documented(404, 409),
    dependencies=[PUBLIC],
)
def prizes(
    request: Request, context: Ctx, mode: AskedMode, checkpoint_id: Id, total_prize: Whole
) -> Response:
    """Whole amounts by model that add up to `total_prize`."""
    stored, _ = _found(context, mode, checkpoint_id)
    return _made(request, lambda: [Prize(**p) for p in formats.prizes(stored, total_prize)])


@routes.get(
    "/reports/emissions/latest",
    response_model=Emission,
    responses=documented(404, 409),
    dependencies=[PUBLIC],
)
def latest_emission(request: Request, context: Ctx, mode: AskedMode) -> Response:
    """The raw emission of the newest checkpoint."""
    return emission(request, context, mode, NEWEST)


def _found(context: Context, mode: Mode, name: str) -> "tuple[pd.Series[Any], pd.DataFrame]":
    """A checkpoint by id, or the newest of the mode; and all versions of its period.

    Raises:
        Refusal: there is none.
    """
    if name == NEWEST:
        heads = context.reports.checkpoint_heads(mode, newest=1)
        if heads.empty:
            raise Refusal(404, f"there is no {mode} checkpoint yet")
        name = str(heads["id"].iloc[-1])
    found = context.reports.checkpoint(name)
    if found.empty:
        raise Refusal(404, f"there is no checkpoint {name[:80]!r}")
    stored = found.iloc[0]
    return stored, documents(context, Mode(stored["mode"]), found)


def _made(request: Request, make: Callable[[], BaseModel | Sequence[BaseModel]]) -> Response:
    """The answer in one of the formats.

    Raises:
        Refusal: the checkpoint pays nobody, or what is stored of it cannot be read.
    """
    try:
        return answered(request, make())
    except CheckpointError as error:
        raise Refusal(409, str(error)) from None
    except MALFORMED:
        raise Refusal(503, "what is stored of this checkpoint cannot be read") from None
