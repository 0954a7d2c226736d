"""An author's scoring function, adapted to whole frames so that one bad row costs only itself.

Add here what makes a scorer of some shape usable; avoid scoring rules (``metrics``) and what a
missing score costs (``missing_data``).

Two shapes are understood. Row-wise: ``(prediction, ground_truth) -> {"value", "success",
"failed_reason"}``. Batch-wise, marked with :func:`batch_scorer`: a frame with columns ``output,
ground_truth`` (dicts), ``entry_price, resolved_price, outcome`` and the cell's key in; a frame
``value, success, failed_reason`` with the same index out. Each row is judged by itself: a scorer
that lets one row's score depend on another row makes scores depend on the batch.
"""

import copy
import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any, TypeVar

import numpy as np
import pandas as pd

Scorer = TypeVar("Scorer", bound=Callable[..., Any])
Verdict = tuple[float, bool, str | None]

VERDICT_COLUMNS = ("value", "success", "failed_reason")
LARGEST_VALUE = 1e100
"""Beyond it the sums of squares of a trailing window would leave what a double holds."""
LONGEST_REASON = 300
_MARK = "is_batch_scorer"


def batch_scorer(function: Scorer) -> Scorer:
    """Mark a scoring function as batch-wise: a frame of predictions in, a frame of scores out."""
    setattr(function, _MARK, True)
    return function


def scorer_from(function: Callable[..., Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The same scorer as a function of frames that never raises.

    The result has the columns ``value`` (float, NaN unless ``success``), ``success`` and
    ``failed_reason`` (at most 300 characters, None if ``success``), and the index of its input.
    A scorer that raises, or whose value is missing, not a number, not finite or larger than
    ``LARGEST_VALUE``, fails that row; ``success`` defaults to True. A batch-wise scorer that
    fails on a frame is asked again about halves of it, down to the rows that make it fail.
    """
    judge = _judge_batch if getattr(function, _MARK, False) else _judge_rows
    return partial(_scored, partial(judge, function))


def is_row_wise(score: Callable[[pd.DataFrame], pd.DataFrame]) -> bool:
    """Whether an adapted scorer calls the author's function for each row: many rows take long."""
    return isinstance(score, partial) and score.args[0].func is _judge_rows


def _scored(judge: Callable[[pd.DataFrame], list[Verdict]], frame: pd.DataFrame) -> pd.DataFrame:
    values, successes, reasons = zip(*judge(frame), strict=True) if len(frame) else ((), (), ())
    columns = {
        "value": np.array(values, dtype="float64"),
        "success": np.array(successes, dtype="bool"),
        "failed_reason": np.array(reasons, dtype="object"),
    }
    return pd.DataFrame(columns, index=frame.index)


def _judge_rows(function: Callable[..., Any], frame: pd.DataFrame) -> list[Verdict]:
    pairs = zip(frame["output"], frame["ground_truth"], strict=True)
    return [_judge_row(function, output, truth) for output, truth in pairs]


def _judge_row(function: Callable[..., Any], output: Any, truth: Any) -> Verdict:
    try:
        result = function(output, copy.deepcopy(truth))  # shared by all models of the round
    except Exception as error:  # noqa: BLE001 (an author's scorer may raise anything)
        return _failure(_described(error))
    if not isinstance(result, dict):
        return _failure(f"the scorer returned {_shown(result)}, not an object with a value")
    return _verdict(*(result.get(name) for name in VERDICT_COLUMNS))


def _judge_batch(function: Callable[..., Any], frame: pd.DataFrame) -> list[Verdict]:
    try:
        result = function(frame.copy())
    except Exception as error:  # noqa: BLE001 (an author's scorer may raise anything)
        problem = _described(error)
    else:
        problem = _misfit(result, frame)
        if not problem:
            columns = result.reindex(columns=list(VERDICT_COLUMNS)).astype("object")
            rows = zip(*(columns[name].tolist() for name in VERDICT_COLUMNS), strict=True)
            return [_verdict(*row) for row in rows]
    if len(frame) == 1:
        return [_failure(problem)]
    middle = len(frame) // 2
    halves = (frame.iloc[:middle], frame.iloc[middle:])
    return [verdict for half in halves for verdict in _judge_batch(function, half)]


def _misfit(result: Any, frame: pd.DataFrame) -> str:
    if not isinstance(result, pd.DataFrame):
        return f"the scorer returned a {type(result).__name__}, not a DataFrame"
    if list(result.columns).count("value") != 1 or not result.columns.is_unique:
        return f"the scorer returned the columns {_shown(list(result.columns))}, without one value"
    if not result.index.equals(frame.index):
        return "the scorer returned rows with another index than it was given"
    return ""


def _verdict(value: Any, success: Any, reason: Any) -> Verdict:
    if success is not None and not isinstance(success, bool | np.bool_) and not _is_nan(success):
        return _failure(f"success is {_shown(success)}, not true or false")
    if isinstance(success, bool | np.bool_) and not success:
        given = isinstance(reason, str) and reason
        return _failure(reason if given else "the scorer gave no reason")
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return _failure(f"value is {_shown(value)}, not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if abs(number) > LARGEST_VALUE:
        return _failure(f"value is {number:g}, beyond {LARGEST_VALUE:g}")
    return _failure("value is nan") if math.isnan(number) else (number, True, None)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _failure(reason: str) -> Verdict:
    return math.nan, False, reason[:LONGEST_REASON]


def _described(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 (the text of an author's exception is author's code too)
        return type(error).__name__


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 (the same)
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
