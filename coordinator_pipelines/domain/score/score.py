"""Scores: each prediction against the newest truth of its round, with what is missing counted.

Add here what a score row says; avoid scoring rules (``metrics``), the adaptation of scorers
(``scorer``) and what a missing answer costs (``missing_data``).

Only FINAL truths are scored. A round that is void or unresolvable costs nobody anything and has
no score; if it had one (its truth was revised), that score is withdrawn by a version without a
value, whose ``status`` is the truth's state, so that no count of outcomes includes it.
"""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import ROUND, SCORE_COLUMNS, TruthState
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.score.missing_data import apply_missing_data
from coordinator_pipelines.domain.spec.challenge import Challenge

CELL = ["mode", *ROUND, "model_id"]
CONTENT = (
    "prediction_version", "truth_version", "status", "value", "success", "rule", "failed_reason",
)  # fmt: skip
"""What makes a version new. A scorer that was changed does so where it says something else."""
SCORER_COLUMNS = (
    *CELL, "resolvable_at", "scope_key", "output", "ground_truth", "entry_price",
    "resolved_price", "outcome",
)  # fmt: skip
"""What a batch-wise scorer is given."""


def score_batch(
    challenge: Challenge,
    rules: Rules,
    predictions: pd.DataFrame,
    truths: pd.DataFrame,
    *,
    run_id: str,
) -> pd.DataFrame:
    """Scores of all cells whose truth is known: SCORE_COLUMNS without ``version``.

    Args:
        challenge: gives the missing-data policy.
        rules: gives the scorer.
        predictions: newest versions (PREDICTION_COLUMNS), complete rounds: the worst of a round
            is taken over all its models.
        truths: newest versions (GROUND_TRUTH_COLUMNS), whatever their state.
        run_id: who computed it.

    Rows are in the order of ``predictions``; cells without a truth have none.
    """
    cells = with_truths(challenge, predictions, truths)
    final = cells["state"] == TruthState.FINAL.value
    scored = apply_missing_data(challenge, _judged(rules, cells[final]))
    rows = pd.concat([scored, _withdrawn(cells[~final])]) if not final.all() else scored
    rows = rows.sort_index().assign(scorer=rules.scorer, run_id=run_id)
    return rows[[name for name in SCORE_COLUMNS if name != "version"]].reset_index(drop=True)


def new_versions(scored: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Of rows from :func:`score_batch`, those that say something new: SCORE_COLUMNS.

    Args:
        scored: rows without ``version``.
        stored: the newest stored version of at least the same cells (SCORE_COLUMNS).

    A row with the content of the stored version is left out, and so is the withdrawal of a
    score that was never stored. The others get the next version, from 1.
    """
    known = stored[[*CELL, "version", *CONTENT]] if len(stored) else _nothing_stored(scored)
    both = scored.merge(known, on=CELL, how="left", suffixes=("", "_stored"))
    unknown = both["version"].isna()
    same = ~unknown
    for name in CONTENT:
        old, new = both[f"{name}_stored"], both[name]
        same &= (old == new) | (old.isna() & new.isna())
    withdrawn = ~both["status"].isin([outcome.value for outcome in Outcome])
    both["version"] = both["version"].fillna(0).astype("int64") + 1
    news = ~same & ~(unknown & withdrawn)
    return both.loc[news, list(SCORE_COLUMNS)].reset_index(drop=True)


def with_truths(
    challenge: Challenge, predictions: pd.DataFrame, truths: pd.DataFrame
) -> pd.DataFrame:
    """The cells whose round has a truth, with ``state, truth_version, ground_truth`` and prices."""
    assets = {config.id: config.asset for config in challenge.scheduled_prediction_configs}
    truths = truths.rename(columns={"version": "truth_version", "reason": "truth_reason"})
    truths = truths.assign(ground_truth=_ground_truths(truths, assets))
    wanted = [
        *ROUND, "truth_version", "state", "truth_reason", "ground_truth", "entry_price",
        "resolved_price", "outcome",
    ]  # fmt: skip
    cells = predictions.rename(columns={"version": "prediction_version"})
    return cells.merge(truths[wanted], on=ROUND, how="inner").reset_index(drop=True)


def _ground_truths(truths: pd.DataFrame, assets: dict[str, str]) -> list[Any]:
    """What a row-wise scorer gets: the author's own truth, else the original's fields."""
    columns = ("prediction_config_id", "entry_price", "resolved_price", "outcome")
    facts = zip(*(truths[name].tolist() for name in columns), strict=True)
    payloads = _parsed(truths["payload_json"])
    return [
        {
            "asset": assets.get(config),
            "entry_price": entry,
            "resolved_price": resolved,
            "outcome": outcome,
            "y_up": outcome if outcome == 0.5 else outcome == 1,
        }
        if payload is None
        else payload
        for payload, (config, entry, resolved, outcome) in zip(payloads, facts, strict=True)
    ]


def _judged(rules: Rules, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with the scorer's ``value, success, failed_reason`` where they were answered."""
    answered = (cells["status"] == Outcome.SUCCESS.value).to_numpy()
    cells = cells.assign(value=float("nan"), success=False)
    if not answered.any():
        return cells
    questions = cells[answered]
    questions = questions.assign(output=_parsed(questions["output_json"]))
    verdicts = rules.score(questions[list(SCORER_COLUMNS)].reset_index(drop=True))
    for name in ("value", "success", "failed_reason"):
        cells.loc[answered, name] = verdicts[name].to_numpy()
    return cells


def _withdrawn(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows that take back the scores of rounds whose truth does not count."""
    why = zip(cells["state"], cells["truth_reason"], strict=True)
    reason = [f"ground truth {state}: {text or 'no reason'}" for state, text in why]
    return cells.assign(
        status=cells["state"], value=float("nan"), success=False, rule="exclude",
        failed_reason=reason,
    )  # fmt: skip


def _nothing_stored(scored: pd.DataFrame) -> pd.DataFrame:
    return scored[:0].assign(version=pd.Series(dtype="float64"))[[*CELL, "version", *CONTENT]]


def _parsed(texts: Iterable[str | None]) -> list[Any]:
    """All JSON texts of a column in one parse."""
    joined = ",".join(text if isinstance(text, str) else "null" for text in texts)
    return list(json.loads(f"[{joined}]"))
