"""Scoring functions of challenges, honest and not, and other code that authors may write."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.authoring import batch_scorer


def of_p_up(rule: Callable[[Any, Any, Any], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    @batch_scorer
    def score(frame: pd.DataFrame) -> pd.DataFrame:
        said = np.array([output["p_up"] for output in frame["output"]])
        move = frame["resolved_price"] / frame["entry_price"] - 1
        return pd.DataFrame({"value": rule(said, frame["outcome"], move)}, index=frame.index)

    return score


def of_number(name: str, rule: Callable[[Any, Any], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    @batch_scorer
    def score(frame: pd.DataFrame) -> pd.DataFrame:
        said = np.array([output[name] for output in frame["output"]])
        return pd.DataFrame({"value": rule(said, frame["resolved_price"])}, index=frame.index)

    return score


brier = of_p_up(lambda p, y, _: 1 - (p - y) ** 2)
log_score = of_p_up(lambda p, y, _: np.log(np.clip(np.where(y == 1, p, 1 - p), 1e-3, 1)))
absolute_error = of_p_up(lambda p, y, _: -abs(p - y))
hit_rate = of_p_up(lambda p, y, _: ((p > 0.5) == (y == 1)) * 1.0)
leveraged = of_p_up(lambda p, _, move: 10 * (2 * p - 1) * move)
same_for_all = of_p_up(lambda p, _y, _move: 0 * p)
squared_price_error = of_number("value", lambda said, price: -((said - price) ** 2))


def no_known_answer(prediction: dict[str, Any], ground_truth: dict[str, Any]) -> dict[str, Any]:
    return {"value": prediction["verdict"][ground_truth["asset"]]}


def resolve(prediction: dict[str, Any]) -> dict[str, Any]:
    return {"answer": prediction["model_id"]}


def equal_pay(payees: list[dict[str, Any]]) -> dict[str, float]:
    return {payee["account"]: 1.0 for payee in payees}
