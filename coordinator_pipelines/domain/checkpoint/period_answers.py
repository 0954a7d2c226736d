"""The answers of a period as columns of numbers, for those who look for copies.

Add here how another kind of answer becomes numbers; avoid what is looked for in them (``copies``,
``ensemble_copies``) and what is said of it (``findings``).

A row is a round; of rounds that an operator opens with a table, it is an id of the table in a
round. Rows of one prediction config, or of one id of it, follow one another in the order of time,
then comes a gap that no lag reaches over.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.checkpoint.copies import LAGS, LEAST_ROUNDS, Numbers
from coordinator_pipelines.domain.doors.ensemble import ENSEMBLE_ANSWER_COLUMNS
from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

MOST_ROUNDS = 2000
"""Rounds at the end of a period that are looked at: enough to tell a copy, whatever its length."""
ENOUGH_ROUNDS = 2 * LEAST_ROUNDS
"""Rounds that are looked at where a period holds too few to say anything of."""
MOST_TABLES = 40
"""Rounds with tables, the newest, that are looked at; of each, ids up to MOST_ROUNDS in all."""
MOST_NUMBERS = 8
"""Numbers of one answer that are compared."""
ANSWERS = "predictions"
"""Where an answer to a table has its numbers, by id."""

OF_CODE = ("code_hash", "model_id")
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PeriodAnswers:
    """Successful answers, with the ensembles of the same rounds."""

    models: list[str]
    codes: dict[str, list[str]]
    """Hash of the code that answered -> the models that it answered for."""
    instants: list[str]
    """``performed_at`` of each row; empty in a gap."""
    numbers: Numbers
    """Numbers of an answer x rows x models. Of large tables: ranks within the table."""
    plain: Numbers
    """The same without ranks: what ensembles are made of."""
    ensembles: list[str]
    ensemble_numbers: Numbers
    weights: Numbers
    """Ensembles x rows x models."""
    ensemble_lags: list[int]
    """Rounds after which an ensemble may be answered by somebody: at once, or once published."""


def span(challenge: Challenge, period: Window) -> Window:
    """The part of a period that is looked at, or more than it where it holds few rounds."""
    intervals = [config.interval_seconds for config in challenge.configs]
    per_day = sum(86400 / seconds for seconds in intervals if seconds)
    start = period.start
    if per_day:
        start = max(start, period.end - timedelta(days=MOST_ROUNDS / per_day))
        if per_day * ((period.end - start) / timedelta(days=1)) < LEAST_ROUNDS:
            start = period.end - timedelta(days=ENOUGH_ROUNDS / per_day)
    else:
        start = min(start, period.end - timedelta(hours=challenge.longest_window_hours))
    return Window(start, period.end)


def period_answers(challenge: Challenge, ledger: Ledger, mode: Mode, at: Window) -> PeriodAnswers:
    """The newest answers of the rounds of a span."""
    if challenge.is_operated:
        return _of_tables(ledger, mode, at)
    return _of_rounds(challenge, ledger, mode, at)


def numbers_of(value: Any) -> list[float]:
    """The numbers of an answer in the order of its keys and items, at most so many."""
    found: list[float] = []
    waiting = [value]
    while waiting and len(found) < MOST_NUMBERS:
        one = waiting.pop(0)
        if isinstance(one, bool):
            continue
        if isinstance(one, int | float):
            found.append(float(one))
        elif isinstance(one, dict):
            waiting[:0] = [one[name] for name in sorted(one)]
        elif isinstance(one, list):
            waiting[:0] = one
    return found


def _of_rounds(challenge: Challenge, ledger: Ledger, mode: Mode, at: Window) -> PeriodAnswers:
    cells = _successful(ledger.predictions(mode, at.start, at.end))
    lags = _ensemble_lags(challenge)
    answers = [numbers_of(json.loads(text)) for text in cells["output_json"]]
    longest = min(MOST_NUMBERS, max(map(len, answers), default=0))
    if longest == 0:
        return _nothing()
    rounds = cells.groupby(ROUND).ngroup().to_numpy()
    configs = cells.groupby("prediction_config_id").ngroup().to_numpy()
    # Beyond what is looked at no lag matters.
    rows = rounds + configs * min(max([LAGS, *lags]), MOST_ROUNDS)
    models, columns = np.unique(cells["model_id"].to_numpy(str), return_inverse=True)
    size = int(rows.max()) + 1
    numbers = _filled(answers, longest, rows, columns, (size, len(models)))
    instants = [""] * size
    for row, performed_at in zip(rows.tolist(), cells["performed_at"], strict=True):
        instants[row] = performed_at.isoformat()
    told = ledger.ensemble_answers(mode.value, at.start, at.end) if challenge.ensembles else None
    known = _successful(_none() if told is None else told)
    known = known.merge(cells[ROUND].assign(row=rows).drop_duplicates(), on=ROUND)
    names, places = np.unique(known["model_id"].to_numpy(str), return_inverse=True)
    own = [numbers_of(json.loads(text)) for text in known["output_json"]]
    at_row = known["row"].to_numpy(np.int64)
    pooled = _filled(own, longest, at_row, places, (size, len(names)))
    weights = np.zeros((len(names), size, len(models)))
    _weigh(weights, known, [[row] for row in at_row.tolist()], places, list(models))
    return PeriodAnswers(
        list(map(str, models)), _codes([cells]), instants, numbers, numbers,
        list(map(str, names)), pooled, weights, lags,
    )  # fmt: skip


def _of_tables(ledger: Ledger, mode: Mode, at: Window) -> PeriodAnswers:
    """A query per round: a table may be as large as all rounds of another challenge."""
    opened = ledger.rounds(mode, at.start, at.end)["performed_at"].drop_duplicates()
    instants = [one.to_pydatetime() for one in opened.sort_values()][-MOST_TABLES:]
    most = max(LEAST_ROUNDS, MOST_ROUNDS // max(1, len(instants)))
    read = [_table(ledger, mode, one, most) for one in instants]
    told = pd.concat([frame for frame, *_ in read]) if read else pd.DataFrame()
    if told.empty:
        return _nothing()
    told = told.reset_index(drop=True)
    by_id = ["prediction_config_id", "id"]
    rows = told.groupby([*by_id, "performed_at"]).ngroup().to_numpy()
    rows = rows + told.groupby(by_id).ngroup().to_numpy() * LAGS
    told = told.assign(row=rows)
    is_model = ~told["is_ensemble"].to_numpy(bool)
    models, columns = np.unique(told["model_id"][is_model].to_numpy(str), return_inverse=True)
    names, places = np.unique(told["model_id"][~is_model].to_numpy(str), return_inverse=True)
    size = int(rows.max()) + 1
    plain, ranked = (np.full((1, size, len(models)), np.nan) for _ in range(2))
    plain[0, rows[is_model], columns] = told["value"][is_model]
    ranked[0, rows[is_model], columns] = _ranked(told[is_model])
    pooled = np.full((1, size, len(names)), np.nan)
    pooled[0, rows[~is_model], places] = told["value"][~is_model]
    weights = np.zeros((len(names), size, len(models)))
    rows_of = {key: group.tolist() for key, group in told.groupby(ROUND)["row"].unique().items()}
    known = pd.concat([frame for _, frame, _ in read]).reset_index(drop=True)
    known = known[known["model_id"].isin(names)]
    at_rows = [rows_of[key] for key in known[ROUND].itertuples(index=False, name=None)]
    _weigh(weights, known, at_rows, np.searchsorted(names, known["model_id"]), list(models))
    labels = [""] * size
    for row, performed_at in zip(rows.tolist(), told["performed_at"], strict=True):
        labels[row] = performed_at.isoformat()
    return PeriodAnswers(
        list(map(str, models)), _codes([cells for *_, cells in read]), labels, ranked, plain,
        list(map(str, names)), pooled, weights, list(range(LAGS + 1)),
    )  # fmt: skip


def _table(
    ledger: Ledger, mode: Mode, performed_at: datetime, most: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A row per model and id of the rounds of an instant; its ensembles' answers; whose code."""
    span_of = performed_at, performed_at + timedelta(microseconds=1)
    cells = _successful(ledger.predictions(mode, *span_of))
    known = _successful(ledger.ensemble_answers(mode.value, *span_of))
    told: list[tuple[Any, ...]] = []
    for config, own in cells.groupby("prediction_config_id"):
        pooled = known[known["prediction_config_id"] == config]
        outputs = [*own["output_json"], *pooled["output_json"]]
        answers = [json.loads(text).get(ANSWERS) or {} for text in outputs]
        ids = sorted(answers[0], key=_spread)[:most]
        for model, answer, other in zip(
            [*own["model_id"], *pooled["model_id"]],
            answers,
            [False] * len(own) + [True] * len(pooled),
            strict=True,
        ):
            told += [(config, performed_at, one, model, answer.get(one), other) for one in ids]
    columns = [*ROUND, "id", "model_id", "value", "is_ensemble"]
    frame = pd.DataFrame(told, columns=columns)
    return frame.assign(value=frame["value"].astype("float64")), known, cells[[*OF_CODE]]


def _spread(name: str) -> str:
    """What puts ids in an order that has nothing to do with them, the same in every round."""
    return sha256(name.encode()).hexdigest()


def _ranked(told: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Values; of tables with enough ids their ranks: what no rising function changes."""
    by_answer = told.groupby([*ROUND, "model_id"])["value"]
    count = by_answer.transform("count")
    ranked = by_answer.rank() / count if count.min() >= LEAST_ROUNDS else told["value"]
    values: npt.NDArray[np.float64] = ranked.to_numpy("float64")
    return values


def _ensemble_lags(challenge: Challenge) -> list[int]:
    """At once; or once a round's outcome is known, as an ensemble is told then."""
    lags = set(range(LAGS + 1))
    for config in challenge.configs:
        if config.interval_seconds:
            first = -(-config.scope_template.horizon // config.interval_seconds)
            refresh = -(-challenge.refresh_seconds // config.interval_seconds)
            lags.update(range(first, first + refresh + LAGS + 1))
    return sorted(lags)


def _codes(cells: Sequence[pd.DataFrame]) -> dict[str, list[str]]:
    told = pd.concat([each[[*OF_CODE]] for each in cells]).drop_duplicates().dropna()
    told = told[told["code_hash"] != ""]
    return {str(code): sorted(map(str, own)) for code, own in told.groupby("code_hash")["model_id"]}


def _filled(
    answers: Sequence[Sequence[float]], longest: int, rows: Rows, columns: Rows,
    shape: tuple[int, int],
) -> Numbers:  # fmt: skip
    values = np.full((longest, *shape), np.nan)
    for place in range(longest):
        values[place, rows, columns] = [
            own[place] if place < len(own) else np.nan for own in answers
        ]
    return values


def _weigh(
    weights: Numbers, known: pd.DataFrame, rows: Sequence[list[int]], places: Rows,
    models: Sequence[str],
) -> None:  # fmt: skip
    """Fill in who weighs how much in the ensembles' answers."""
    column = {str(model): number for number, model in enumerate(models)}
    for text, at, place in zip(known["members_json"], rows, places.tolist(), strict=True):
        for model, (weight, *_) in json.loads(text).items():
            if model in column:
                weights[place, at, column[model]] = weight


def _successful(cells: pd.DataFrame) -> pd.DataFrame:
    told = cells[cells["status"] == Outcome.SUCCESS.value]
    return told[told["output_json"].notna()].reset_index(drop=True)


def _none() -> pd.DataFrame:
    return pd.DataFrame(columns=list(ENSEMBLE_ANSWER_COLUMNS))


def _nothing() -> PeriodAnswers:
    empty = np.empty((0, 0, 0))
    return PeriodAnswers([], {}, [], empty, empty, [], empty, empty, [])
