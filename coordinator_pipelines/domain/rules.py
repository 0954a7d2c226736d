"""What an author writes: the ten callables, imported once, checked once, adapted to batches.

Add an adapter here when a stage gains an extension point; avoid the engine's own
implementations (they live with their stage) and anything that reads data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.prediction_config import ScheduledPredictionConfig


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What an author's own provider or resolver may see of the feed: nothing after ``now``."""

    now: datetime
    since: datetime | None
    """The previous question; None for the history tick."""
    frames: dict[str, pd.DataFrame]
    """Per asset: record columns, those observed in (since, now], ascending by ``ended_at``."""

    def records(self, asset: str) -> pd.DataFrame:
        """The asset's records: ``ended_at, open, high, low, close, volume``."""
        return self.frames[asset]

    def prices(self, asset: str) -> list[tuple[int, float]]:
        """The asset's prices as (unix seconds, price), ascending."""
        frame = self.frames[asset]
        seconds = frame["ended_at"].astype("int64") // 1_000_000
        return list(zip(seconds.tolist(), frame["close"].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Rules:
    """A challenge's callables, ready for use. None: the engine's own implementation."""

    inference_input: Callable[[FeedContext], Any | None]
    """JSON value for ``tick``; None when the context holds nothing new."""
    scope: Callable[[ScheduledPredictionConfig, Any], dict[str, Any]]
    """``{scope_key, scope}`` of one round."""
    call: Callable[[ScheduledPredictionConfig, Any, dict[str, Any]], dict[str, Any]]
    """``{args, kwargs}`` of one round's ``predict``."""
    validate: Callable[[Any], Any]
    """The output to store; raises if it is not acceptable."""
    resolve: Callable[[dict[str, Any], FeedContext], dict[str, Any] | None] | None
    """An author's own ground truth of one round (a prediction's fields in, truth out)."""
    score: Callable[[pd.DataFrame], pd.DataFrame]
    """Columns ``output, ground_truth`` (dicts), ``entry_price, resolved_price, outcome`` and
    the cell's key in; ``value, success, failed_reason`` out, same index, never raises."""
    scorer: str
    """Name and version of the scorer, stored with each score."""
    aggregate: Callable[[list[dict[str, Any]], list[dict[str, Any]]], list[dict[str, Any]]] | None
    rank: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None
    not_replayable: tuple[str, ...]
    """The keys of callables that do their own I/O, so that past rounds cannot be replayed."""
