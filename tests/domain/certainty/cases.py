"""Fields of scores for tests: rounds in a row, a minute apart."""

import numpy as np

from coordinator_pipelines.domain.certainty.series import ScoreSeries

MINUTE = 60_000_000


def series(values, overlap=1, configs=1):
    """A series of the rows of a matrix, whose configs take turns."""
    values = np.asarray(values, dtype="float64")
    asked = np.arange(len(values), dtype="int64") * MINUTE
    names = tuple(f"model-{k}" for k in range(values.shape[1]))
    config = np.arange(len(values), dtype="int64") % configs
    return ScoreSeries(names, configs, asked, asked + overlap * MINUTE, config, values)


def dependent(rng, rounds, series_count, overlap=1, memory=0.0):
    """Columns with mean 0 whose rounds depend on each other: each sums ``overlap`` shocks."""
    shocks = rng.normal(size=(rounds + overlap + 50, series_count))
    for t in range(1, len(shocks)):
        shocks[t] += memory * shocks[t - 1]
    sums = np.cumsum(shocks, axis=0)
    return (sums[overlap:] - sums[:-overlap])[-rounds:]
