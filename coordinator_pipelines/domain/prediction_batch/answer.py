"""What came back from a model, made into a cell: parsed, validated, never trusted.

Add here what turns an answer into a row; avoid asking (``models``) and scoring (``score``).
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.models import Answer, Outcome
from coordinator_pipelines.domain.values.json_text import UNSTORABLE, defect
from coordinator_pipelines.domain.values.json_value import is_deep

REASON_LENGTH = 500
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def prediction_rows(answers: Sequence[Answer], validate: Callable[[Any], Any]) -> pd.DataFrame:
    """One row per answer: the cell's key, both verdicts, the output, and the raw output.

    Columns: ``prediction_config_id, performed_at, model_id, status, runner_status,
    failed_reason, output_json, raw_output_json, exec_time_ms``. ``raw_output_json`` is None
    where the validator changed nothing, and where JSON cannot hold what was returned or it is
    nested too deeply for whoever reads it again. Texts are as a ledger stores them.
    """
    rows = [_row(answer, validate) for answer in answers]
    columns = [
        "prediction_config_id", "performed_at", "model_id", "status", "runner_status",
        "failed_reason", "output_json", "raw_output_json", "exec_time_ms",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    frame["performed_at"] = pd.DatetimeIndex(frame["performed_at"], tz="UTC").as_unit("us")
    frame["exec_time_ms"] = frame["exec_time_ms"].astype("float64")
    return frame


def _row(answer: Answer, validate: Callable[[Any], Any]) -> tuple[Any, ...]:
    status, reason, output, raw = answer.outcome, answer.reason, None, None
    if answer.output is not None and status is Outcome.SUCCESS:
        status, reason, output, raw = _judged(answer.output, validate)
    return (
        answer.prediction_config_id,
        answer.performed_at,
        answer.model_id,
        status.value,
        answer.outcome.value,
        None if reason is None else UNSTORABLE.sub(REPLACEMENT, reason),
        output,
        raw,
        answer.exec_time_ms,
    )


def _judged(
    text: str, validate: Callable[[Any], Any]
) -> tuple[Outcome, str | None, str | None, str | None]:
    """The cell of an answer: outcome, reason, output as JSON, raw output as JSON."""
    try:
        returned = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Outcome.FAILED, f"the output cannot be read: {error}"[:REASON_LENGTH], None, None
    try:
        valid = _checked(json.dumps(validate(returned)))
    except Exception as error:  # noqa: BLE001 (an author's validator may raise anything: it is a verdict)
        reason = f"invalid output: {error}"[:REASON_LENGTH]
        return Outcome.FAILED, reason, None, _storable(returned)
    raw = _storable(returned, valid)
    return Outcome.SUCCESS, None, valid, None if raw == valid else raw


def _checked(text: str) -> str:
    """The text, if a ledger can hold it; one bad text must not cost the whole batch."""
    found = defect(text)
    if found is not None:
        raise ValueError(found)
    return text


def _storable(value: Any, sound: str | None = None) -> str | None:
    """JSON text of what a model returned, what JSON cannot hold spelled out; None if hopeless.

    ``sound``: a text that was checked before.
    """
    try:
        text = json.dumps(value)
        if text == sound:
            return text
        if is_deep(value):
            return None
        if defect(text) is None:
            return text
        text = json.dumps(_spelled_out(value))
    except (RecursionError, ValueError):
        return None
    return None if defect(text) else text


def _spelled_out(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {_spelled_out(key): _spelled_out(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled_out(item) for item in value]
    return value
