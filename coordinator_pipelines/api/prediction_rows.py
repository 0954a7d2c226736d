"""Predictions as ``/reports/predictions`` tells them, put together column by column.

Add here what is told of one prediction; avoid finding them (``routes.predictions``). A day has tens
of thousands: a model object for each took most of a second, the columns take a tenth of that. What
a model answered is not told here, and why it failed only to its owner: other participants can read
this.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, JsonValue

from coordinator_pipelines.api.http.access import Caller
from coordinator_pipelines.api.http.answers import Answer, Sieve, plain, rows_of
from coordinator_pipelines.api.http.times import ChartTime, chart_times
from coordinator_pipelines.api.scopes import Scope
from coordinator_pipelines.domain.doors.models import Outcome

PUBLIC_REASONS = {
    Outcome.FAILED: "the model failed or its answer was not valid",
    Outcome.TIMEOUT: "the model did not answer in time",
    Outcome.ABSTAINED: "the model abstained",
    Outcome.ABSENT: "the model was not there to be asked",
}
REFUSED = "the answer could not be scored"
NOT_COUNTED = "the outcome of this round does not count"
OF_SCOPE = ("scope", "asset", "horizon", "step", "param")


class PredictionRow(Answer):
    """One model in one round."""

    prediction_id: str
    model_id: str
    prediction_config_id: str
    scope_key: str
    scope: dict[str, JsonValue]
    asset: str | None
    horizon: int | None
    step: int | None
    param: str | None
    status: Outcome
    score_state: Literal["pending", "scored", "imputed", "excluded", "withdrawn"]
    score_value: float | None = Field(description="What counts; null if nothing does (yet)")
    score_success: bool | None = Field(description="Whether the model's own answer was scored")
    score_failed: bool
    score_failed_reason: str | None
    scored_at: ChartTime | None
    performed_at: ChartTime
    resolvable_at: ChartTime
    exec_time_ms: float | None


def prediction_rows(
    caller: Caller,
    owners: Mapping[str, str],
    configs: Mapping[str, Scope],
    cells: pd.DataFrame,
    sieve: Sieve,
) -> list[dict[str, Any]]:
    """What is told of each cell: the fields of :class:`PredictionRow`, ready to be written.

    Args:
        caller: who is told.
        owners: the owner of each model, by model id.
        configs: the scope of each prediction config, by its id.
        cells: what became of each prediction (``domain.doors.report.scored_cells``).
        sieve: counts the cells that cannot be told.
    """
    infinite = np.isinf(cells["value"].astype("float64")) | np.isinf(cells["exec_time_ms"])
    cells = sieve.without(cells, infinite, "a number is not finite")
    known = cells["status"].isin([outcome.value for outcome in Outcome])
    cells = sieve.without(cells, ~known, "a status is not known")
    sieve.report()
    status = cells["status"]
    told = cells["score_state"].isin(["scored", "imputed", "excluded"])
    success = cells["success"].where(told, status.eq(Outcome.SUCCESS.value)).eq(True)
    columns = {
        "prediction_id": cells["id"].tolist(),
        "model_id": cells["model_id"].tolist(),
        "prediction_config_id": cells["prediction_config_id"].tolist(),
        "scope_key": cells["scope_key"].tolist(),
        **_of_scope(cells["prediction_config_id"], configs),
        "status": status.tolist(),
        "score_state": cells["score_state"].tolist(),
        "score_value": plain(cells["value"]),
        "score_success": plain(success.astype(object).where(told)),
        "score_failed": (~success).tolist(),
        "score_failed_reason": list(_reasons(cells, ~success, caller, owners)),
        "scored_at": chart_times(cells["scored_at"]),
        "performed_at": chart_times(cells["performed_at"]),
        "resolvable_at": chart_times(cells["resolvable_at"]),
        "exec_time_ms": plain(cells["exec_time_ms"]),
    }
    return rows_of(columns)


def _of_scope(config: "pd.Series[str]", configs: Mapping[str, Scope]) -> dict[str, list[Any]]:
    nothing: tuple[Any, ...] = ({}, None, None, None, None)
    told = {key: tuple(getattr(scope, name) for name in OF_SCOPE) for key, scope in configs.items()}
    rows = [told.get(key, nothing) for key in config]
    return {name: [row[at] for row in rows] for at, name in enumerate(OF_SCOPE)}


def _reasons(
    cells: pd.DataFrame, failed: "pd.Series[bool]", caller: Caller, owners: Mapping[str, str]
) -> Iterator[str | None]:
    """Why a cell has failed: in the model's own words for those who may read them."""
    inside = {each: caller.sees_inside(owners.get(each)) for each in cells["model_id"].unique()}
    columns = ("model_id", "status", "score_state", "failed_reason", "score_reason")
    told = zip(*(plain(cells[name]) for name in columns), failed, strict=True)
    for model, status, state, own, of_score, has_failed in told:
        if state == "withdrawn":
            yield NOT_COUNTED
        elif not has_failed:
            yield None
        elif inside[model] and (own or of_score):
            yield own or of_score
        else:
            yield PUBLIC_REASONS.get(status, REFUSED)
