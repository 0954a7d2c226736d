"""``/reports/calibration``: whether the probabilities of one model mean what they say.

Add here what is told of it; avoid computing it (``domain.score.calibration``).
"""

from functools import partial
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Answer, Sieve, answered_with, as_json
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import AskedMode, AskedSpan, Span, known_models
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.stored import json_value
from coordinator_pipelines.domain.doors.ledger import ROUND, Mode, TruthState
from coordinator_pipelines.domain.score.calibration import Calibration, calibrated

routes = APIRouter(tags=["models"])

MOST_ANSWERS = 5000
"""The newest of a range: what is told of them changes little with more."""


class BrierParts(Answer):
    """The mean Brier score: miscalibration - discrimination + uncertainty."""

    score: float
    miscalibration: float = Field(description="0 for a calibrated model")
    discrimination: float = Field(description="What telling rounds apart gains")
    uncertainty: float = Field(description="Of who always says the mean outcome")


class ReliabilityPoint(Answer):
    """How often up came after a probability, and between what it would if that were right."""

    forecast: float
    outcome: float
    low: float
    high: float


class ModelCalibration(Answer):
    """Whether what a model said came true as often as it said. Null: its answers do not say."""

    model_id: str
    mode: Mode
    start: ZonedTime
    end: ZonedTime
    rounds: int = Field(description="With an outcome and a probability of up")
    level: float
    brier: BrierParts | None
    reliability: list[ReliabilityPoint]
    sharpness: float | None = Field(description="Mean of p (1 - p); 0 is always certain")
    drift: float | None = Field(description="p-value of a model that has stayed the same")
    pit: list[int] | None = Field(description="Outcomes in each tenth of the density answered")
    coverage: float | None = Field(description="Of the density's central interval at the level")


@routes.get(
    "/reports/calibration",
    response_model=ModelCalibration,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def model_calibration(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    span: AskedSpan,
    model: Annotated[str, Query(description="Id of the model", examples=["momentum"])],
) -> Response:
    """The calibration of a model over its newest 5,000 answers with `start <= performed_at < end`.

    Only rounds that are resolved count.
    """
    models, _ = known_models(context, mode, None)
    if model not in models:
        raise Refusal(404, f"there is no model {model} in {mode.value}")
    key = ("calibration", mode, model, span)
    body, skipped = context.moment.shared(key, partial(_body, context, mode, model, span))
    return answered_with(request, body, skipped=skipped)


def _body(context: Context, mode: Mode, model: str, span: Span) -> tuple[bytes, int]:
    told, skipped = told_calibration(context, mode, model, span)
    return as_json(told), skipped


def told_calibration(
    context: Context, mode: Mode, model: str, span: Span
) -> tuple[ModelCalibration, int]:
    """The calibration of a model that there is, and how many rows could not be read."""
    reports, asked = context.reports, (mode, span.start, span.end, [model])
    bounds = reports.prediction_bounds(*asked, MOST_ANSWERS)
    start, end = (bounds.first, bounds.end) if bounds else (span.end, span.end)
    answers = reports.reported_predictions(mode, start, end, [model], outputs=True)
    truths = reports.ground_truths(start, end)
    sieve = Sieve(context, "predictions")
    told = calibrated(context.challenge, _cells(answers, truths, sieve))
    sieve.report()
    return _told(told, model, mode, span), sieve.skipped


def _cells(answers: pd.DataFrame, truths: pd.DataFrame, sieve: Sieve) -> pd.DataFrame:
    """The answers to rounds with a final truth, with what came of them."""
    final = truths[truths["state"] == TruthState.FINAL.value]
    final = final.assign(change=final["resolved_price"] - final["entry_price"])
    cells = answers.merge(final[[*ROUND, "outcome", "change"]], on=ROUND)
    outputs = [
        None if text is None else sieve.one(text, json_value) for text in cells["output_json"]
    ]
    return cells.assign(output=pd.Series(outputs, index=cells.index, dtype="object"))


def _told(found: Calibration, model: str, mode: Mode, span: Span) -> ModelCalibration:
    brier, diagram = found.brier, found.reliability
    columns = (
        [] if diagram is None else [diagram.forecast, diagram.outcome, diagram.low, diagram.high]
    )
    return ModelCalibration(
        model_id=model,
        mode=mode,
        start=span.start,
        end=span.end,
        rounds=found.rounds,
        level=found.level,
        brier=brier
        and BrierParts(
            score=brier.score,
            miscalibration=brier.miscalibration,
            discrimination=brier.discrimination,
            uncertainty=brier.uncertainty,
        ),
        reliability=[
            ReliabilityPoint(forecast=said, outcome=came, low=low, high=high)
            for said, came, low, high in zip(*(part.tolist() for part in columns), strict=True)
        ],
        sharpness=found.sharpness,
        drift=found.drift,
        pit=None if found.pit is None else found.pit.tolist(),
        coverage=found.coverage,
    )
