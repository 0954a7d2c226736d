"""The answers of ensembles to rounds, scored as everybody's are.

Add here what a row of an ensemble says; avoid weights (``weights``), how answers are combined
(``pool``), and reading (``ensembles``).

An ensemble is derived from what is stored, as boards are: a recomputation with other content is a
new version. It answers where somebody with a weight did; elsewhere it is not missing anything.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ensemble import (
    ENSEMBLE_ANSWER_COLUMNS,
    ENSEMBLE_WEIGHT_COLUMNS,
)
from coordinator_pipelines.domain.doors.ledger import CELL, ROUND, Mode, TruthState
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.ensemble.pool import alike, pooled
from coordinator_pipelines.domain.ensemble.weights import DECIMALS, Weights
from coordinator_pipelines.domain.ground_truth.resolution import patience, provable_until
from coordinator_pipelines.domain.score.score import SCORER_COLUMNS, with_truths
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND, floor_epoch, from_epoch
from coordinator_pipelines.domain.values.content import canonical, content_hash

Array = NDArray[np.float64]
WeightsAt = Callable[[datetime], Weights]

CONTENT = (
    "weights_as_of", "truth_version", "scorer", "status", "value", "failed_reason", "output_json",
    "members_json",
)  # fmt: skip
ANSWER_COLUMNS = [name for name in ENSEMBLE_ANSWER_COLUMNS if name != "version"]
WEIGHT_COLUMNS = [name for name in ENSEMBLE_WEIGHT_COLUMNS if name != "version"]


@dataclass(frozen=True, slots=True)
class Combined:
    """What an ensemble answers in a round."""

    output: Any
    shares: Mapping[str, float]
    """The weight of each model in it, above 0, together 1."""
    without: Mapping[str, Any]
    """What it would answer without each of them; none where nobody else has a weight."""


def weights_as_of(challenge: Challenge, performed_at: datetime) -> datetime:
    """Up to when outcomes count in the weights of a round: the end of a bucket of statistics.

    An outcome counts once a live round could know it: when a later bar has proved it, and the
    challenge has had time to resolve it.
    """
    known = provable_until(challenge, performed_at) - patience(challenge)
    return _floor(known, challenge.statistics_bucket)


def newest_weights(challenge: Challenge, now: datetime) -> datetime:
    """The newest weights that can be computed by now: ready before the first round needs them."""
    return _floor(provable_until(challenge, now), challenge.statistics_bucket)


def combined(
    rows: Array, models: Sequence[str], outputs: Sequence[Any], *, all_rows: bool = True
) -> Combined | None:
    """What an ensemble answers, from what these models answered; None if none has a weight.

    ``rows``: [1 + m, m] as ``Weights.rows``, or [1, m] without what it is without each of them.
    """
    places = alike(outputs)
    if not places:
        return None
    columns = rows[:, places]
    columns = columns[[0, *(place + 1 for place in places)]] if all_rows else columns[:1]
    members = np.flatnonzero(columns[0] > 0)
    if len(members) == 0:
        return None
    told = columns[[0, *(members + 1)]] if all_rows else columns
    total = told.sum(axis=1)
    known = np.flatnonzero(total > 0)
    shares = told[known] / total[known, None]
    answers = dict(zip(known.tolist(), pooled([outputs[k] for k in places], shares), strict=True))
    names = [models[places[member]] for member in members]
    return Combined(
        answers[0],
        {name: float(shares[0, member]) for name, member in zip(names, members, strict=True)},
        {name: answers[k] for k, name in enumerate(names, 1) if k in answers},
    )


def weight_rows(
    mode: Mode, weights: Mapping[tuple[str, datetime], Weights], run_id: str
) -> pd.DataFrame:
    """Weights by ensemble's id and instant: ENSEMBLE_WEIGHT_COLUMNS without ``version``."""
    rows = []
    for (model_id, as_of), own in weights.items():
        content = {"weights": own.of, "basis": own.basis}
        rows.append(
            (mode.value, as_of, model_id, canonical(content), content_hash(content), run_id)
        )
    frame = pd.DataFrame(rows, columns=WEIGHT_COLUMNS)
    return frame.assign(as_of=_instants(frame["as_of"]))


def stored_weights(as_of: datetime, text: str) -> Weights:
    """The weights of a stored ``weights_json``."""
    told = json.loads(text)
    return Weights(as_of, told["weights"], told["basis"])


def answer_rows(
    challenge: Challenge,
    rules: Rules,
    model_id: str,
    predictions: pd.DataFrame,
    truths: pd.DataFrame,
    weights_at: WeightsAt,
    *,
    run_id: str,
) -> pd.DataFrame:
    """The answers of one ensemble to rounds with a truth: ENSEMBLE_ANSWER_COLUMNS sans version.

    Args:
        challenge: gives when outcomes are known.
        rules: gives the scorer.
        model_id: the ensemble's.
        predictions: newest versions of complete rounds (PREDICTION_COLUMNS).
        truths: newest versions of their rounds (GROUND_TRUTH_COLUMNS).
        weights_at: the weights as of an instant.
        run_id: who computed it.

    A round whose truth does not count has a row that withdraws its answer.
    """
    answered = predictions[predictions["status"] == Outcome.SUCCESS.value]
    answered = answered.sort_values([*ROUND, "model_id"], ignore_index=True)
    answered = answered.assign(output=json.loads(f"[{','.join(answered['output_json'])}]"))
    rounds = with_truths(challenge, answered.drop_duplicates(ROUND), truths)
    rounds = rounds.assign(model_id=model_id, run_id=run_id, scorer=rules.scorer)
    rounds["weights_as_of"] = _instants(
        [weights_as_of(challenge, at.to_pydatetime()) for at in rounds["performed_at"]]
    )
    final = rounds["state"] == TruthState.FINAL.value
    said = _said(rounds[final], answered, weights_at)
    rows = [_scored(rules, rounds[final], said), _withdrawn(rounds[~final])]
    frame = pd.concat([part for part in rows if len(part)] or rows[:1])
    frame["content_hash"] = [
        content_hash({**dict(zip(CONTENT, row, strict=True)), "weights_as_of": str(row[0])})
        for row in frame[list(CONTENT)].astype(object).replace({np.nan: None}).values.tolist()
    ]
    return frame[ANSWER_COLUMNS].sort_values(CELL, ignore_index=True)


def new_answers(rows: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Of rows from :func:`answer_rows`, those that say something new: ENSEMBLE_ANSWER_COLUMNS.

    A withdrawal of what was never stored is left out.
    """
    known = stored[[*CELL, "version", "content_hash"]]
    both = rows.merge(known, on=CELL, how="left", suffixes=("", "_stored"))
    unknown = both["version"].isna()
    withdrawn = both["status"] != Outcome.SUCCESS.value
    news = (both["content_hash"] != both["content_hash_stored"]) & ~(unknown & withdrawn)
    both["version"] = both["version"].fillna(0).astype("int64") + 1
    return both.loc[news, list(ENSEMBLE_ANSWER_COLUMNS)].reset_index(drop=True)


def as_scores(answers: pd.DataFrame) -> pd.DataFrame:
    """Stored answers as scores of which statistics are made (``score.statistics``)."""
    counting = answers[answers["status"] == Outcome.SUCCESS.value]
    rule = np.where(counting["value"].isna(), "exclude", "scorer")
    return counting.assign(rule=rule)


def _said(
    rounds: pd.DataFrame, answered: pd.DataFrame, weights_at: WeightsAt
) -> dict[int, Combined]:
    """What the ensemble says in each round that it answers, by its row's label."""
    places = answered.groupby(ROUND, sort=False).indices
    models, outputs = answered["model_id"].to_numpy(dtype=object), answered["output"].tolist()
    everybody = sorted(set(models))
    column = {model: place for place, model in enumerate(everybody)}
    tables: dict[datetime, Array] = {}
    found = {}
    keys = zip(rounds.index, *(rounds[name] for name in [*ROUND, "weights_as_of"]), strict=True)
    for label, config, performed_at, as_of in keys:
        if as_of not in tables:
            tables[as_of] = weights_at(as_of.to_pydatetime()).rows(everybody)
        own = places[config, performed_at]
        chosen = [column[model] for model in models[own]]
        rows = tables[as_of][np.ix_([0, *(place + 1 for place in chosen)], chosen)]
        told = combined(rows, models[own].tolist(), [outputs[place] for place in own])
        if told is not None:
            found[label] = told
    return found


def _scored(rules: Rules, rounds: pd.DataFrame, said: Mapping[int, Combined]) -> pd.DataFrame:
    """The rounds that the ensemble answers, with its score, and those without each member."""
    rounds = rounds.loc[list(said)]
    asked = [[own.output, *own.without.values()] for own in said.values()]
    questions = rounds.loc[np.repeat(list(said), [len(each) for each in asked])]
    questions = questions.assign(output=pd.Series(_flat(asked), questions.index, dtype="object"))
    verdicts = rules.score(questions[list(SCORER_COLUMNS)].reset_index(drop=True))
    values = verdicts["value"].tolist()
    starts = np.cumsum([0, *(len(each) for each in asked)])
    members = []
    for start, own in zip(starts, said.values(), strict=False):
        scores = dict(zip(own.without, values[start + 1 :], strict=False))
        members.append(
            {
                model: [round(share, DECIMALS), _known(scores.get(model))]
                for model, share in own.shares.items()
            }
        )
    whole = verdicts.iloc[starts[:-1]]
    return rounds.assign(
        status=Outcome.SUCCESS.value,
        value=whole["value"].to_numpy(),
        failed_reason=whole["failed_reason"].to_numpy(),
        output_json=[canonical(own.output) for own in said.values()],
        members_json=[canonical(each) for each in members],
    )


def _withdrawn(rounds: pd.DataFrame) -> pd.DataFrame:
    why = zip(rounds["state"], rounds["truth_reason"], strict=True)
    return rounds.assign(
        status=rounds["state"], value=float("nan"), output_json=None, members_json=None,
        failed_reason=[f"ground truth {state}: {text or 'no reason'}" for state, text in why],
    )  # fmt: skip


def _flat(lists: Sequence[Sequence[Any]]) -> list[Any]:
    return [value for each in lists for value in each]


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _floor(instant: datetime, bucket: timedelta) -> datetime:
    seconds = int(bucket / SECOND)
    return from_epoch(floor_epoch(instant) // seconds * seconds)


def _instants(instants: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(list(instants), utc=True)).as_unit("us")
