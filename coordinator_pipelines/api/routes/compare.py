"""``/reports/compare``: two models against each other on the rounds that both were scored in.

Add here what is told of a pair; avoid computing it (``domain.score.comparison``).
"""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from coordinator_pipelines.api.http.access import PUBLIC
from coordinator_pipelines.api.http.answers import Answer, answered_with, as_json
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.parameters import AskedMode, AskedSpan, Span, known_models
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.domain.certainty.series import score_series
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.score.comparison import Comparison, compare

routes = APIRouter(tags=["models"])

LONGEST = timedelta(days=31)
MOST_DECIDING = 20
MOST_POINTS = 200

Ends = tuple[float, float]
ModelId = Annotated[str, Query(min_length=1, max_length=200, description="A model's id")]


class ComparedModel(Answer):
    """One of the two."""

    model_id: str
    mean: float | None


class BootstrapInterval(Answer):
    """Of the mean difference, by drawing blocks of rounds again."""

    low: float
    high: float
    block_rounds: int


class DieboldMarianoTest(Answer):
    """Of the hypothesis that both do equally well."""

    statistic: float = Field(description="Above 0: the first one's scores are higher")
    p_value: float
    lag: int = Field(description="Rounds over which outcomes overlap, less one")


class DecidingRound(Answer):
    """A round that the better model would not be the better without."""

    performed_at: ZonedTime
    prediction_config_id: str
    first: float
    second: float


class CumulativePoint(Answer):
    """The sum of the differences up to a round."""

    performed_at: ZonedTime
    sum: float


class ComparedModels(Answer):
    """Two models, and whether they can be told apart; differences are first less second."""

    first: ComparedModel
    second: ComparedModel
    start: ZonedTime
    end: ZonedTime
    mode: Mode
    rounds: int = Field(description="Rounds in which both have a score that counts")
    level: float
    difference: float | None
    better: str | None = Field(description="Whose mean is better; null if nobody's is")
    interval: BootstrapInterval | None = Field(description="Null where rounds are too few")
    sequence: Ends | None = Field(
        description="Holds however often one looks, if the spec declares `score_bounds`"
    )
    diebold_mariano: DieboldMarianoTest | None
    deciding: int = Field(description="The fewest rounds without which the better one is not")
    deciding_rounds: list[DecidingRound] = Field(description=f"The first {MOST_DECIDING} of them")
    cumulative: list[CumulativePoint] = Field(description=f"At most {MOST_POINTS}, to plot")


@routes.get(
    "/reports/compare",
    response_model=ComparedModels,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def compare_models(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    span: AskedSpan,
    first: ModelId,
    second: ModelId,
) -> Response:
    """Two models on the rounds that were resolved in `start < resolvable_at <= end`.

    At most 31 days.
    """
    if first == second:
        raise Refusal(422, f"first and second are the same model ({first}); name two")
    if span.end - span.start > LONGEST:
        raise Refusal(422, f"start to end is more than {LONGEST.days} days; ask for less")
    models, _ = known_models(context, mode, None)
    for asked in (first, second):
        if asked not in models:
            raise Refusal(404, f"there is no model {asked} in {mode.value}")
    pair = (first, second)
    key = ("compare", mode, pair, span)
    body = context.moment.shared(key, partial(_body, context, mode, pair, span))
    return answered_with(request, body)


def _body(context: Context, mode: Mode, pair: tuple[str, str], span: Span) -> bytes:
    return as_json(compared(context, mode, pair, span))


def compared(context: Context, mode: Mode, pair: tuple[str, str], span: Span) -> ComparedModels:
    """The comparison of two models that there are."""
    scores = context.reports.score_values(mode, span.start, span.end, pair)
    series = score_series(scores, [config.id for config in context.challenge.configs], pair)
    return _told(compare(context.challenge, series, MOST_DECIDING), mode, span)


def _told(found: Comparison, mode: Mode, span: Span) -> ComparedModels:
    means = found.means or (None, None)
    first, second = (
        ComparedModel(model_id=model, mean=mean)
        for model, mean in zip(found.models, means, strict=True)
    )
    test, interval = found.test, found.interval
    return ComparedModels(
        first=first,
        second=second,
        start=span.start,
        end=span.end,
        mode=mode,
        rounds=found.rounds,
        level=found.level,
        difference=found.difference,
        better=found.better,
        interval=interval
        and BootstrapInterval(
            low=interval.low, high=interval.high, block_rounds=interval.block_rounds
        ),
        sequence=found.sequence,
        diebold_mariano=test
        and DieboldMarianoTest(statistic=test.statistic, p_value=test.p_value, lag=test.lag),
        deciding=found.deciding,
        deciding_rounds=[
            DecidingRound(
                performed_at=one.performed_at,
                prediction_config_id=one.prediction_config_id,
                first=one.first,
                second=one.second,
            )
            for one in found.deciding_rounds
        ],
        cumulative=[
            CumulativePoint(performed_at=found.performed_at[row], sum=float(found.cumulative[row]))
            for row in found.thinned(MOST_POINTS)
        ],
    )
