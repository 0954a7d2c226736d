"""What ensembles say and said, as it is told.

Add here what a row says and how a stored one is read; avoid finding rows (``routes.signals``).
"""

import json
import math
from typing import Any

import pandas as pd
from pydantic import Field, JsonValue

from coordinator_pipelines.api.http.answers import Answer
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.stored import json_object
from coordinator_pipelines.domain.ensemble.signal import FEWEST, EnsembleSignal
from coordinator_pipelines.domain.score.signal import signals
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec


class Signal(Answer):
    """What an ensemble says in the newest round of one prediction config."""

    ensemble_name: str
    model_id: str = Field(description="The virtual model's id")
    prediction_config_id: str
    scope_key: str
    performed_at: ZonedTime
    resolvable_at: ZonedTime
    resolved: bool
    output: JsonValue = Field(description="The combined answer, in the shape of models' answers")
    value: float | None = Field(description="The answer as one number, as the spec's `signal` says")
    models: int = Field(description="How many models have a part in it")
    weights_as_of: ZonedTime = Field(description="Up to when outcomes count in the weights")
    withheld: str | None = Field(
        description="Why there is no output; before the outcome, what would give single answers "
        f"away is not told: fewer than {FEWEST} of them, one that outweighs the others, densities, "
        "and any ensemble but the first of the spec"
    )


class EnsembleNow(Answer):
    """One ensemble, and what it says now."""

    ensemble_name: str
    model_id: str
    strategy: str
    signals: list[Signal] = Field(description="The newest of each prediction config")


class PastSignal(Answer):
    """What an ensemble said in a round that is resolved, and what that was worth."""

    ensemble_name: str
    prediction_config_id: str
    performed_at: ZonedTime
    resolvable_at: ZonedTime
    status: str = Field(description="SUCCESS, or the state of a truth that no longer counts")
    output: JsonValue
    value: float | None = Field(description="The answer as one number")
    score: float | None
    version: int


class EnsemblePoint(Answer):
    """An ensemble's metrics as of one instant."""

    ensemble_name: str
    model_id: str
    as_of: ZonedTime
    version: int
    metrics: dict[str, float | None]


def signal(
    challenge: Challenge,
    spec: EnsembleSpec,
    rows: pd.DataFrame,
    said: EnsembleSignal,
    *,
    resolved: bool,
) -> Signal:
    """What an ensemble says in the round of some predictions."""
    first = rows.iloc[0]
    return Signal(
        ensemble_name=spec.name,
        model_id=spec.model_id,
        prediction_config_id=first["prediction_config_id"],
        scope_key=first["scope_key"],
        performed_at=first["performed_at"].to_pydatetime(),
        resolvable_at=first["resolvable_at"].to_pydatetime(),
        resolved=resolved,
        output=said.output,
        value=_value(challenge, json.dumps(said.output)),
        models=said.models,
        weights_as_of=said.weights_as_of,
        withheld=said.withheld,
    )


def past_signal(challenge: Challenge, spec: EnsembleSpec, row: dict[str, Any]) -> PastSignal:
    """A stored answer of an ensemble."""
    output = row["output_json"]
    return PastSignal(
        ensemble_name=spec.name,
        prediction_config_id=row["prediction_config_id"],
        performed_at=row["performed_at"],
        resolvable_at=row["resolvable_at"],
        status=row["status"],
        output=None if output is None else json.loads(output),
        value=_value(challenge, output),
        score=row["value"],
        version=row["version"],
    )


def ensemble_point(spec: EnsembleSpec, row: dict[str, Any]) -> EnsemblePoint:
    """Stored model scores of an ensemble."""
    return EnsemblePoint(
        ensemble_name=spec.name,
        model_id=spec.model_id,
        as_of=row["as_of"],
        version=row["version"],
        metrics=json_object(row["metrics_json"]),
    )


def _value(challenge: Challenge, output: str | None) -> float | None:
    [value] = signals(challenge, [output])
    return None if math.isnan(value) else float(value)
