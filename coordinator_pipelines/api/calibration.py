"""How often "up" came true, by how probable a model said it was.

Add here what concerns probabilities of an outcome; avoid scores.
"""

from dataclasses import dataclass

import pandas as pd

from coordinator_pipelines.api.http.answers import MALFORMED
from coordinator_pipelines.api.stored import json_object
from coordinator_pipelines.domain.metrics.calibration import BINS, reliability

PROBABILITY = "p_up"


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions whose probability was in [low, high)."""

    low: float
    high: float
    count: int
    said: float
    came: float


def calibration(cells: pd.DataFrame) -> list[Bin]:
    """The bins that hold predictions of one model; none if it does not answer ``p_up``.

    ``cells``: with ``output_json`` and ``outcome`` (``domain.doors.report.scored_cells``).
    """
    said = pd.Series([_probability(text) for text in cells["output_json"]], dtype="float64")
    outcome = cells["outcome"].to_numpy("float64")
    points = reliability(pd.DataFrame({"model_id": "", "said": said, "outcome": outcome}))
    return [
        Bin(number / BINS, (number + 1) / BINS, int(count), float(said), float(came))
        for _, number, count, said, came in points.itertuples(index=False, name=None)
    ]


def _probability(text: str | None) -> float | None:
    try:
        value = json_object(text).get(PROBABILITY)
        return float(value) if isinstance(value, int | float) else None
    except MALFORMED:
        return None
