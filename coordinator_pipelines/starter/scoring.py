"""How the challenge scores: the Brier rule, higher is better.

``score_predictions`` is what the spec names. The other two are here to be named instead: the
same rule row by row, and the return of a position sized by the probability.
"""

from typing import Any

import pandas as pd

from coordinator_pipelines.authoring import batch_scorer, brier_probability_up, position_return


@batch_scorer
def score_predictions(frame: pd.DataFrame) -> pd.DataFrame:
    """The Brier score of each row: ``value, success, failed_reason``, same index."""
    return _scores(frame, brier_probability_up(_p_up(frame), frame["outcome"]))


@batch_scorer
def score_position_returns(frame: pd.DataFrame) -> pd.DataFrame:
    """The return of a position of 2 p - 1 held from entry to resolution."""
    prices = (frame["entry_price"], frame["resolved_price"])
    return _scores(frame, position_return(_p_up(frame), *prices))


def score_prediction(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> dict[str, Any]:
    """The Brier score of one prediction, in the row-wise form."""
    value = brier_probability_up(prediction["p_up"], ground_truth["outcome"])
    return {"value": float(value), "success": True, "failed_reason": None}


def _p_up(frame: pd.DataFrame) -> list[float]:
    return [output["p_up"] for output in frame["output"]]


def _scores(frame: pd.DataFrame, values: Any) -> pd.DataFrame:
    columns = {"value": values, "success": True, "failed_reason": None}
    return pd.DataFrame(columns, index=frame.index)
