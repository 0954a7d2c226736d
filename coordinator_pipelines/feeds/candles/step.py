"""How far apart candles are: bars of another length, given as bars of this one, are look-ahead.

Add here what steps tell about the length of a bar; avoid rules about single candles (``checks``).
A five-minute candle that is taken for a one-minute bar dates its close four minutes early. Gaps
are no evidence of that: they are irregular, and elsewhere the step is a bar.
"""

import numpy as np
import numpy.typing as npt

RUN = 20
"""Equal steps in a row, each longer than a bar, that no market's gaps make: with even odds for
each, once in a million."""


def smallest_step(times: npt.NDArray[np.float64]) -> float:
    """The smallest distance of two different times; infinite if there are no two."""
    steps = np.diff(np.unique(times))
    return float(steps.min()) if steps.size else np.inf


def in_coarser_run(times: npt.NDArray[np.float64], bar: float) -> npt.NDArray[np.bool_]:
    """Which times belong to :data:`RUN` or more equal steps in a row that are longer than a bar."""
    steps = np.diff(times)
    inside = np.zeros(len(times), dtype=bool)
    bounds = np.flatnonzero(np.diff(steps, prepend=np.nan, append=np.nan) != 0)
    long = (np.diff(bounds) >= RUN) & (steps[bounds[:-1]] > bar)
    for run in np.flatnonzero(long):
        inside[bounds[run] : bounds[run + 1] + 1] = True
    return inside
