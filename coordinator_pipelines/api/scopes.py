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


@dataclass(frozen=True, slots=True)
class Scopes:
    """All prediction configs of a database, those of the past included."""

    by_config: dict[str, Scope]
    skipped: int
    """How many of them cannot be told."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.by_config) + self.skipped

    @property
    def only(self) -> Scope | None:
        """The one that everything is about, if there is no other."""
        return next(iter(self.by_config.values()), None) if self.count == 1 else None


def scopes(context: Context) -> Scopes:
    """What the prediction configs predict, by id."""
    stored = records(context.reports.prediction_configs())
    sieve = Sieve(context, "scheduled_prediction_configs")
    found = {row["id"]: sieve.one(row, _scope) for row in stored}
    sieve.report()
    told = {config: scope for config, scope in found.items() if scope is not None}
    return Scopes(told, sieve.skipped)


def _scope(row: dict[str, Any]) -> Scope:
    scope = json_object(row["scope_json"])
    return Scope(
        row["scope_key"], scope, str(scope["asset"]), int(scope["horizon"]), int(scope["step"])
    )
