"""The newest rounds of a model as people read them: what it said, what came, what it counts.

Add here what is told of one round; avoid finding rounds (``view``). What a model said is told only
once the outcome is known, and why it failed only in general words: rivals read this.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.api.calibration import PROBABILITY
from coordinator_pipelines.api.http.access import Caller
from coordinator_pipelines.api.http.answers import MALFORMED, Sieve, records
from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.prediction_rows import prediction_rows
from coordinator_pipelines.api.stored import json_value

LONGEST_FORECAST = 40
IMPUTED = {
    "worst": "counts as the worst of the round",
    "baseline": "counts as the baseline",
    "value": "counts as a fixed value",
}


@dataclass(frozen=True, slots=True)
class ToldRound:
    """One prediction. ``forecast`` is None as long as nobody else may read it."""

    performed_at: datetime
    scope_key: str
    forecast: str | None
    outcome: float | None
    value: float | None
    told: str


def told_rounds(context: Context, cells: pd.DataFrame) -> Iterator[ToldRound]:
    """Predictions with their outputs (``domain.doors.report.scored_cells``), in their order."""
    known = {cell["id"]: cell for cell in records(cells)}
    for row in prediction_rows(Caller(), {}, {}, cells, Sieve(context, "predictions")):
        cell = known[row["prediction_id"]]
        is_resolved = cell["truth_state"] is not None
        yield ToldRound(
            cell["performed_at"],
            cell["scope_key"],
            _forecast(cell["output_json"]) if is_resolved else None,
            cell["outcome"],
            row["score_value"],
            _told(row, cell["rule"]),
        )


def _told(row: dict[str, Any], rule: str | None) -> str:
    match row["score_state"]:
        case "pending":
            return row["score_failed_reason"] or "waits for its outcome"
        case "withdrawn":
            return "void: counts for nobody"
        case "scored":
            return "scored"
        case "imputed":
            return f"{row['score_failed_reason'] or 'not scored'}; {IMPUTED.get(rule or '', rule)}"
    return f"{row['score_failed_reason'] or 'not scored'}; does not count"


def _forecast(text: str | None) -> str | None:
    try:
        value = json_value(text)
    except MALFORMED:
        return None
    if isinstance(value, dict) and isinstance(value.get(PROBABILITY), int | float):
        return f"{value[PROBABILITY]:.3f} up"
    said = json.dumps(value, separators=(",", ":")) if value is not None else None
    return said and (said if len(said) <= LONGEST_FORECAST else f"{said[:LONGEST_FORECAST]}...")
