"""What an author's own code imports: these names stay where modules behind them move.

Add a name here when an author needs it, and to docs/build-your-own-challenge.md; avoid code.
Dagster takes seconds to import, so the names that need it are looked up when they are asked for:
a scoring function and its tests do without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from coordinator_pipelines.domain.answer.density import normal_mixture, probability_up
from coordinator_pipelines.domain.author.entity import Entity
from coordinator_pipelines.domain.author.rules import FeedContext
from coordinator_pipelines.domain.author.scorer import batch_scorer
from coordinator_pipelines.domain.metrics.brier import brier_probability_up
from coordinator_pipelines.domain.metrics.crps import crps_normal_mixture
from coordinator_pipelines.domain.metrics.log_score import log_density, log_probability
from coordinator_pipelines.domain.metrics.position_return import position_return
from coordinator_pipelines.domain.metrics.quantiles import (
    crps_quantiles,
    pinball,
    weighted_interval_score,
)
from coordinator_pipelines.domain.metrics.samples import (
    crps_samples,
    energy_score,
    threshold_weighted,
)
from coordinator_pipelines.domain.metrics.table import log_loss, mean_squared_error, spearman
from coordinator_pipelines.domain.score.table_scorer import (
    score_log_loss,
    score_spearman,
    score_squared_error,
)
from coordinator_pipelines.spec_file import load_challenge

if TYPE_CHECKING:
    from coordinator_pipelines.definitions import build_definitions

__all__ = [
    "Entity",
    "FeedContext",
    "batch_scorer",
    "brier_probability_up",
    "build_definitions",
    "crps_normal_mixture",
    "crps_quantiles",
    "crps_samples",
    "energy_score",
    "load_challenge",
    "log_density",
    "log_loss",
    "log_probability",
    "mean_squared_error",
    "normal_mixture",
    "pinball",
    "position_return",
    "probability_up",
    "score_log_loss",
    "score_spearman",
    "score_squared_error",
    "spearman",
    "threshold_weighted",
    "weighted_interval_score",
]

WITH_DAGSTER = {"build_definitions": "coordinator_pipelines.definitions"}
"""Name -> its module, imported when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in WITH_DAGSTER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(WITH_DAGSTER[name]), name)
