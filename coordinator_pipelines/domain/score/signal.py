"""Signals: what answers say as a number, and what came of their rounds in the same sense.

Add here how a challenge's answers and truths are read as numbers; avoid what is made of them
(``metrics.signal``). What says nothing of the kind is NaN, and so is what no metric could square.
"""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.answer.density import expected_change, probability_up
from coordinator_pipelines.domain.spec.challenge import Challenge

Array = NDArray[np.float64]

LARGEST = 1e100


def signals(challenge: Challenge, outputs: Iterable[str | None]) -> Array:
    """The signal of each answer, a JSON text or None, by ``signal.answer`` of the spec.

    ``direction``: P(up) - 1/2. ``mean``: the expected change of the price. ``field``: the number
    that the answer holds under ``answer_field``.
    """
    texts = [text if isinstance(text, str) else "null" for text in outputs]
    answers = json.loads(f"[{','.join(texts)}]")
    meant = challenge.signal
    if meant.answer == "field":
        return np.array([_field(answer, meant.answer_field) for answer in answers], dtype="float64")
    read = _direction if meant.answer == "direction" else expected_change
    return np.array([_read(read, answer) for answer in answers], dtype="float64")


def outcomes(challenge: Challenge, truths: pd.DataFrame) -> Array:
    """What came of each round: the relative change of its price, or a field of an author's truth.

    ``truths``: GROUND_TRUTH_COLUMNS, all of them final.
    """
    field = challenge.signal.outcome_field
    if field is not None:
        payloads = (json.loads(text) if text else None for text in truths["payload_json"])
        return np.array([_field(payload, field) for payload in payloads], dtype="float64")
    entry, resolved = (
        truths[name].to_numpy("float64") for name in ("entry_price", "resolved_price")
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        change = (resolved - entry) / entry
    return np.where((entry > 0) & (np.abs(change) <= LARGEST), change, np.nan)


def _direction(answer: Any) -> float:
    return probability_up(answer) - 0.5


def _read(read: Callable[[Any], float], answer: Any) -> float:
    try:
        number = float(read(answer))
    except ValueError:
        return math.nan
    return number if abs(number) <= LARGEST else math.nan


def _field(document: Any, name: str | None) -> float:
    value = document.get(name) if isinstance(document, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) <= LARGEST else math.nan
