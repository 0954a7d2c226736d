"""What a round without a score of its own costs a model: the challenge's missing-data policy.

Add a rule here when a challenge must be able to choose it; avoid windows and coverage
(``model_score``), which decide whether a model is ranked at all.

A rule that cannot be applied never favours the model: without a score of the baseline the worst
of the round is taken, and only a round in which nobody was scored is excluded.
"""

from typing import Literal

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.spec.challenge import Challenge

ROUND = ["mode", "prediction_config_id", "performed_at"]


def apply_missing_data(challenge: Challenge, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with every value that counts.

    Args:
        challenge: gives the policy and which direction of scores is worse.
        cells: all cells of each round, with ``mode, prediction_config_id, performed_at,
            model_id, status``, ``value`` (the scorer's, else NaN) and ``failed_reason``.

    Returns:
        The same rows with ``value`` and ``failed_reason`` updated and ``rule`` added. A cell
        that was answered but not scored counts as FAILED.
    """
    policy = challenge.missing_data
    own = cells["value"]
    worst = _of_round(cells, own, "min" if challenge.score_direction == "desc" else "max")
    baseline = _of_round(cells, own.where(cells["model_id"] == policy.baseline_model), "max")
    fixed = np.nan if policy.value is None else policy.value

    rules = {outcome.value: policy.rule(outcome) for outcome in Outcome}
    rules[Outcome.SUCCESS.value] = policy.rule(Outcome.FAILED)
    wanted = cells["status"].map(rules).mask(own.notna(), "scorer")
    no_baseline = (wanted == "baseline") & baseline.isna()
    rule = wanted.mask(no_baseline, "worst")
    nobody = (rule == "worst") & worst.isna()
    rule = rule.mask(nobody, "exclude")

    reason = cells["failed_reason"]
    reason = _noted(reason, no_baseline, f"baseline {policy.baseline_model} has no score here")
    reason = _noted(reason, nobody, "no model was scored in this round")
    value = own.mask(rule == "worst", worst).mask(rule == "baseline", baseline)
    value = value.mask(rule == "value", fixed)
    return cells.assign(value=value, rule=rule, failed_reason=reason)


def _of_round(
    cells: pd.DataFrame, values: "pd.Series[float]", statistic: Literal["min", "max"]
) -> "pd.Series[float]":
    keys = [cells[name] for name in ROUND]
    return values.groupby(keys).transform(statistic)


def _noted(reason: "pd.Series[str]", where: "pd.Series[bool]", note: str) -> "pd.Series[str]":
    texts = [f"{text}; {note}" if isinstance(text, str) else note for text in reason[where]]
    noted = reason.astype("object")
    noted[where] = texts
    return noted
