"""Models of a period that gain by answering late: what the test is given, and whom it names.

Add here what is read for it; avoid the test (``lateness``) and its words (``findings``).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.checkpoint.lateness import (
    LATE,
    LEAST_LATE,
    LEAST_ROUNDS,
    Advantage,
    late_advantages,
)
from coordinator_pipelines.domain.doors.ledger import CELL, ROUND, Ledger, Mode
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

OWN_SCORE = "scorer"


def late_answers(
    challenge: Challenge, ledger: Ledger, mode: Mode, at: Window
) -> list[tuple[str, Advantage, list[str]]]:
    """Model, evidence, and ``performed_at`` of the rounds in which it gained most by being late.

    Of live answers only: a replay has no time that somebody could wait for.
    """
    if mode is not Mode.LIVE:
        return []
    cells = ledger.predictions(mode, at.start, at.end, outputs=False)
    cells = cells[(cells["status"] == Outcome.SUCCESS.value) & cells["exec_time_ms"].notna()]
    allowed = 1000 * challenge.limits.call_timeout_seconds
    cells = cells.assign(taken=np.minimum(cells["exec_time_ms"] / allowed, 1.0))
    if not _anybody_is_late(cells):
        return []  # nothing more is read
    scores = ledger.scores(mode, at.start, at.end)
    scores = scores[scores["rule"] == OWN_SCORE]
    cells = cells.merge(scores[[*CELL, "value"]], on=CELL).dropna(subset=["value"])
    cells = cells.sort_values(["performed_at", "prediction_config_id"], ignore_index=True)
    if cells.empty:
        return []
    rows = cells.groupby(["performed_at", "prediction_config_id"]).ngroup().to_numpy()
    models, columns = np.unique(cells["model_id"].to_numpy(str), return_inverse=True)
    rounds = cells.assign(row=rows).drop_duplicates("row")
    shape = len(rounds), len(models)
    taken, gains = (np.full(shape, np.nan) for _ in range(2))
    taken[rows, columns] = cells["taken"]
    sign = 1.0 if challenge.score_direction == "desc" else -1.0
    gains[rows, columns] = sign * cells["value"]
    deployments = np.zeros(shape, dtype=np.int64)
    own = ["model_id", "prediction_config_id", "code_hash"]
    deployments[rows, columns] = cells.groupby(own, dropna=False).ngroup()
    found = late_advantages(taken, gains, deployments, _moves(ledger, at, rounds))
    instants = rounds["performed_at"].tolist()
    return [
        (str(models[one.model]), one, [instants[row].isoformat() for row in one.gaining])
        for one in found
    ]


def _anybody_is_late(cells: pd.DataFrame) -> bool:
    by_model = (cells["taken"] >= LATE).groupby(cells["model_id"]).agg(["mean", "size"])
    late = (by_model["mean"] >= LEAST_LATE) & (by_model["size"] >= LEAST_ROUNDS)
    return bool(late.any())


def _moves(ledger: Ledger, at: Window, rounds: pd.DataFrame) -> npt.NDArray[np.float64]:
    """How far the price went in each round, as a share of it; NaN where there is no price."""
    told = rounds[ROUND].merge(ledger.ground_truths(at.start, at.end), on=ROUND, how="left")
    entry, end = (told[name].to_numpy("float64") for name in ("entry_price", "resolved_price"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        moves = np.abs((end - entry) / entry)
    return np.where(np.isfinite(moves), moves, np.nan)
