"""Prediction configs as rows name them: the scope, and its parts side by side.

Add here what charts filter and group by; avoid what a config means to the pipeline.
"""

from dataclasses import dataclass
from typing import Any

from coordinator_pipelines.api.http.answers import Sieve, records
from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.stored import json_object


@dataclass(frozen=True, slots=True)
class Scope:
    """What one prediction config predicts."""

    scope_key: str
    scope: dict[str, Any]
    asset: str
    horizon: int
    step: int

    @property
    def param(self) -> str:
        """The label of its line in a chart: asset, horizon and step."""
        return f"{self.asset}-{self.horizon}-{self.step}"


def scopes(context: Context) -> dict[str, Scope]:
    """All prediction configs of the database, by id, those of the past included."""
    stored = records(context.reports.prediction_configs())
    sieve = Sieve(context, "scheduled_prediction_configs")
    found = {row["id"]: sieve.one(row, _scope) for row in stored}
    sieve.report()
    return {config: scope for config, scope in found.items() if scope is not None}


def _scope(row: dict[str, Any]) -> Scope:
    scope = json_object(row["scope_json"])
    return Scope(
        row["scope_key"], scope, str(scope["asset"]), int(scope["horizon"]), int(scope["step"])
    )
