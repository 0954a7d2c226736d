import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.author.scorer import batch_scorer, scorer_from


def frame(*outputs):
    return pd.DataFrame(
        {"output": list(outputs), "ground_truth": [{"y": 1} for _ in outputs]},
        index=range(10, 10 + len(outputs)),
    )


def row_wise(prediction, ground_truth):
    ground_truth["y"] = "spoilt"
    return prediction["answer"]()


def test_rows_that_go_wrong_cost_only_themselves():
    def explode():
        raise RuntimeError("boom " + "x" * 1000)

    answers = [
        lambda: {"value": 0.5},
        explode,
        lambda: None,
        lambda: {"value": math.nan},
        lambda: {"value": math.inf},
        lambda: {"value": 10**400},
        lambda: {"value": -1.01e100},
        lambda: {"value": "0.5"},
        lambda: {"value": True},
        lambda: {"value": 1.0, "success": "yes"},
        lambda: {"value": 0.0, "success": False},
        lambda: {"value": Decimal(1)},
        lambda: {"value": np.float32(0.25), "success": np.True_, "failed_reason": "ignored"},
    ]
    scored = scorer_from(row_wise)(frame(*({"answer": answer} for answer in answers)))

    assert scored.index.tolist() == list(range(10, 23))
    assert scored["success"].tolist() == [True] + [False] * 11 + [True]
    assert scored["value"].dropna().tolist() == [0.5, 0.25]
    reasons = scored["failed_reason"].tolist()
    assert reasons[0] is None
    assert reasons[-1] is None
    assert reasons[1].startswith("RuntimeError: boom")
    assert len(reasons[1]) == 300
    assert "returned None" in reasons[2]
    assert reasons[3:9] == [
        "value is nan", "value is inf, beyond 1e+100", "value is inf, beyond 1e+100",
        "value is -1.01e+100, beyond 1e+100", "value is '0.5', not a number",
        "value is True, not a number",
    ]  # fmt: skip
    assert "success is 'yes'" in reasons[9]
    assert reasons[10] == "the scorer gave no reason"


def test_a_scorer_cannot_spoil_the_truth_for_the_next_row():
    shared = {"y": 1}
    rows = frame({"answer": lambda: {"value": 1.0}}).assign(ground_truth=[shared])
    scorer_from(row_wise)(rows)
    assert shared == {"y": 1}


def batch(rows):
    if any(output == "poison" for output in rows["output"]):
        raise ValueError("poison")
    return pd.DataFrame({"value": [float(output) for output in rows["output"]]}, index=rows.index)


def test_a_batch_scorer_that_fails_loses_only_the_rows_that_make_it_fail():
    calls = []

    @batch_scorer
    def counting(rows):
        calls.append(len(rows))
        return batch(rows)

    outputs = [0.5] * 1000
    outputs[137] = outputs[800] = "poison"
    scored = scorer_from(counting)(frame(*outputs))

    assert scored.index[~scored["success"]].tolist() == [147, 810]
    assert set(scored["failed_reason"].dropna()) == {"ValueError: poison"}
    assert (scored["value"].dropna() == 0.5).all()
    assert len(calls) < 60


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: None, "a NoneType, not a DataFrame"),
        (lambda rows: rows[["output"]], "without one value"),
        (lambda rows: batch(rows).reset_index(drop=True), "another index"),
        (lambda rows: pd.concat([batch(rows)] * 2), "another index"),
        (lambda rows: batch(rows)[:0], "another index"),
        (lambda rows: batch(rows) * math.nan, "value is nan"),
        (lambda rows: batch(rows).astype(str), "not a number"),
    ],
)
def test_a_batch_scorer_that_returns_rubbish_fails_its_rows_with_the_reason(answer, reason):
    scored = scorer_from(batch_scorer(answer))(frame(1, 2))
    assert not scored["success"].any()
    assert scored["value"].isna().all()
    assert scored["failed_reason"].str.contains(reason).all()


def test_a_batch_scorer_may_report_failures_of_its_own():
    @batch_scorer
    def scorer(rows):
        return batch(rows).assign(success=[True, False], failed_reason=[None, "late"])

    scored = scorer_from(scorer)(frame(1, 2))
    assert scored["success"].tolist() == [True, False]
    assert scored["failed_reason"].tolist() == [None, "late"]
    assert math.isnan(scored["value"].iloc[1])


@pytest.mark.parametrize("scorer", [row_wise, batch_scorer(batch)])
def test_no_rows_give_no_rows(scorer):
    scored = scorer_from(scorer)(frame())
    assert list(scored.columns) == ["value", "success", "failed_reason"]
    assert len(scored) == 0
