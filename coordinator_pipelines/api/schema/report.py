"""What a front end shows of the challenge: columns of the board and charts, checked.

Add a kind of column or chart here when the front end learns to draw it; avoid the built-in schema
(``default``) and local files (``overrides``). The field names are the front end's.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from coordinator_pipelines.domain.author.code import load_callable
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CallableError

PROVIDER = "REPORT_SCHEMA_PROVIDER"
FORMAT = r"^(percentage|integer|compact|number|decimal[-:]\d{1,2})$"

Format = Annotated[str, Field(pattern=FORMAT, examples=["decimal-4"])]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Id = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]


class SchemaPart(BaseModel):
    """Base: no field that the front end does not read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Series(SchemaPart):
    """One line of a chart, or one segment of a gauge."""

    name: Text
    label: Text | None = None
    color: Text | None = None


class ModelCell(SchemaPart):
    """A model's name, with a light beside it."""

    type: Literal["model"]
    statusProperty: Text | None = None


class Gauge(SchemaPart):
    """A gauge."""

    type: Literal["gauge"]
    percentage: bool | None = None
    seriesConfig: tuple[Series, ...] | None = None


class Axis(SchemaPart):
    """The field of the horizontal axis."""

    name: Text


class ValueAxis(SchemaPart):
    """The lines of a chart."""

    series: Annotated[tuple[Series, ...], Field(min_length=1)]
    format: Format | None = None


class Alert(SchemaPart):
    """Where a chart marks a point: ``field`` is true and ``reasonField`` not empty."""

    field: Text
    reasonField: Text


class Filter(SchemaPart):
    """A selection above a chart."""

    type: Literal["select"]
    property: Text
    label: Text
    autoSelectFirst: bool | None = None


class Line(SchemaPart):
    """A line chart."""

    type: Literal["line"]
    xAxis: Axis
    yAxis: ValueAxis
    displayEvolution: bool = False
    displayLegend: bool | None = None
    groupByProperty: Text | None = None
    alertConfig: Alert | None = None
    filterConfig: tuple[Filter, ...] | None = None


class Matrix(SchemaPart):
    """A matrix of values."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Literal["matrix"]


def _path(text: str) -> str:
    if not text.startswith(("/", "http://", "https://")):
        raise ValueError("must be a path of this API, such as /reports/models/global, or a URL")
    return text


CellConfig = Annotated[ModelCell | Gauge, Field(discriminator="type")]
ChartConfig = Annotated[Line | Gauge | Matrix, Field(discriminator="type")]
Endpoint = Annotated[Text, AfterValidator(_path)]


class LeaderboardColumn(SchemaPart):
    """A column of the leaderboard."""

    id: Id
    type: Literal["MODEL", "VALUE", "USERNAME", "CHART", "REWARD_RANK", "PROJECT"]
    property: Text
    format: Format | None = None
    displayName: Text
    tooltip: str | None = None
    nativeConfiguration: CellConfig | None = None
    order: int = 0


class MetricsWidget(SchemaPart):
    """A chart, or a page in a frame."""

    id: Id
    type: Literal["CHART", "IFRAME"]
    displayName: Text
    tooltip: str | None = None
    order: int = 0
    endpointUrl: Endpoint
    nativeConfiguration: ChartConfig | None = None


def _one_each(what: str, values: list[Any]) -> None:
    repeated = sorted({str(value) for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{what} must be different, but {', '.join(repeated)} is there twice")


class ReportSchema(SchemaPart):
    """Everything that a front end shows."""

    schema_version: Text
    leaderboard_columns: tuple[LeaderboardColumn, ...]
    metrics_widgets: tuple[MetricsWidget, ...]

    @model_validator(mode="after")
    def _ids_differ(self) -> "ReportSchema":
        _one_each("ids of leaderboard_columns", [one.id for one in self.leaderboard_columns])
        _one_each("properties", [one.property for one in self.leaderboard_columns])
        _one_each("ids of metrics_widgets", [one.id for one in self.metrics_widgets])
        return self


_SCHEMA = TypeAdapter(ReportSchema)


def authors_schema(challenge: Challenge) -> ReportSchema | None:
    """What the challenge's own provider returns; None if it has none.

    Raises:
        CallableError: it cannot be called, or what it returns cannot be shown; the message
            names every field that is wrong, with its value.
    """
    path = challenge.callables.REPORT_SCHEMA_PROVIDER
    if path is None:
        return None
    provider = load_callable(PROVIDER, path)
    try:
        returned = provider()
    except Exception as error:
        raise CallableError(f"{PROVIDER} raised {type(error).__name__}: {error}") from error
    try:
        return _SCHEMA.validate_python(returned)
    except ValidationError as error:
        raise CallableError(f"{PROVIDER} returned {explained(error)}") from None


def explained(error: ValidationError) -> str:
    """What is wrong, field by field."""
    problems = [
        f"a bad {'.'.join(map(str, one['loc'])) or 'schema'}: {one['msg']} "
        f"(value {one['input']!r:.60})"
        for one in error.errors(include_url=False)
    ]
    return "; ".join(problems)
