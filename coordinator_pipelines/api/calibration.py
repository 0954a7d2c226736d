"""How often "up" came true, by how probable a model said it was.

Add here what concerns probabilities of an outcome; avoid scores.
"""

from dataclasses import dataclass

import pandas as pd

from coordinator_pipelines.api.http.answers import MALFORMED
from coordinator_pipelines.api.stored import json_object

BINS = 10
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
    """The bins that hold predictions; none if the models do not answer ``p_up``.

    ``cells``: with ``output_json`` and ``outcome`` (``domain.doors.report.scored_cells``).
    """
    said = pd.Series([_probability(text) for text in cells["output_json"]], dtype="float64")
    told = pd.DataFrame({"said": said, "outcome": cells["outcome"].to_numpy("float64")}).dropna()
    told = told[told["said"].between(0, 1) & told["outcome"].between(0, 1)]
    numbers = (told["said"] * BINS).astype("int64").clip(upper=BINS - 1)
    means = told.groupby(numbers).agg(
        count=("said", "size"), said=("said", "mean"), came=("outcome", "mean")
    )
    return [
        Bin(number / BINS, (number + 1) / BINS, int(count), float(said), float(came))
        for number, count, said, came in means.itertuples(name=None)
    ]


def _probability(text: str | None) -> float | None:
    try:
        value = json_object(text).get(PROBABILITY)
        return float(value) if isinstance(value, int | float) else None
    except MALFORMED:
        return None
