"""Scores as a matrix: a row per round, a column per model, NaN where a model has no value.

Add here what brings scores into this shape; avoid statistics of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """Scores of some models, aligned by round. Rows ascend by ``performed_at``, then config.

    ``performed_at`` and ``resolvable_at``: Unix microseconds of each row. ``config``: which of the
    prediction configs a row belongs to, from 0. ``values``: [row, model].
    """

    models: tuple[str, ...]
    configs: int
    performed_at: Integers
    resolvable_at: Integers
    config: Integers
    values: Array

    def __len__(self) -> int:
        return len(self.performed_at)

    @property
    def overlap(self) -> int:
        """The most rounds, of all configs, that are asked before one of them is resolved.

        Scores of rounds that are closer than this share a part of their outcomes. At least 1.
        """
        if len(self) == 0:
            return 1
        asked = np.searchsorted(self.performed_at, self.resolvable_at, side="left")
        first = np.searchsorted(self.performed_at, self.performed_at, side="left")
        inside = asked[asked < len(self)] - first[asked < len(self)]
        # Rows at the end are cut off by it; where all are, so is the answer.
        return int(inside.max()) if len(inside) else len(self)

    def rows(self, chosen: NDArray[np.bool_]) -> "ScoreSeries":
        """Only some of the rounds."""
        return replace(
            self,
            performed_at=self.performed_at[chosen],
            resolvable_at=self.resolvable_at[chosen],
            config=self.config[chosen],
            values=self.values[chosen],
        )

    def resolved_in(self, after: int, until: int) -> "ScoreSeries":
        """The rounds with ``after < resolvable_at <= until`` in which anybody has a value."""
        inside = (self.resolvable_at > after) & (self.resolvable_at <= until)
        inside[inside] = (~np.isnan(self.values[inside])).any(axis=1)
        return self.rows(inside)

    def of(self, models: Sequence[str]) -> "ScoreSeries":
        """Only some of the models, in the order given."""
        places = [self.models.index(model) for model in models]
        return replace(self, models=tuple(models), values=self.values[:, places])


def joined(parts: Sequence[ScoreSeries]) -> ScoreSeries:
    """Several series of the same models and configs as one; at least one of them is given."""
    asked = np.concatenate([part.performed_at for part in parts])
    config = np.concatenate([part.config for part in parts])
    order = np.lexsort((config, asked))
    return replace(
        parts[0],
        performed_at=asked[order],
        resolvable_at=np.concatenate([part.resolvable_at for part in parts])[order],
        config=config[order],
        values=np.concatenate([part.values for part in parts])[order],
    )


def score_series(
    scores: pd.DataFrame, configs: Sequence[str], models: Sequence[str]
) -> ScoreSeries:
    """The matrix of scores; those of other models and configs are left out.

    ``scores``: ``prediction_config_id, performed_at, resolvable_at, model_id, value``, each cell
    once.
    """
    config = pd.Index(configs).get_indexer(pd.Index(scores["prediction_config_id"]))
    model = pd.Index(models).get_indexer(pd.Index(scores["model_id"]))
    known = (config >= 0) & (model >= 0)
    performed, resolvable = (
        scores[name].to_numpy("datetime64[us]").astype("int64")[known]
        for name in ("performed_at", "resolvable_at")
    )
    keys = performed * max(1, len(configs)) + config[known]
    rounds, first, row = np.unique(keys, return_index=True, return_inverse=True)
    values = np.full((len(rounds), len(models)), np.nan)
    values[row, model[known]] = scores["value"].to_numpy("float64")[known]
    return ScoreSeries(
        tuple(models), len(configs), performed[first], resolvable[first],
        config[known][first].astype("int64"), values,
    )  # fmt: skip
