"""Which scores are others than they were, and what made them so.

Add a cause here; avoid what a change does to a board (``parts``).
"""

from collections.abc import Hashable
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import CELL, ROUND

COMPARED = [
    "value", "prediction_version", "truth_version", "scorer", "status", "rule",
]  # fmt: skip


class Cause(StrEnum):
    """What made a score another one."""

    TRUTH = "truth"  # the round's truth has another version
    VOIDED = "voided"  # an operator said that the round does not count
    RESTORED = "restored"  # ... or that it counts again
    SCORER = "scorer"  # the scorer's version or source is another
    ANSWER = "answer"  # the model was asked again
    LATE = "late"  # there was no score of the answer before
    RULE = "rule"  # the missing-data policy has another rule for it
    FIELD = "field"  # it is imputed from the round's other scores, and those changed


def scores_at(versions: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """The scores that counted at an instant, of versions (SCORE_VERSION_COLUMNS) in their order."""
    stored = versions[versions["created_at"] <= at]
    return stored.drop_duplicates(CELL, keep="last")


def changed_scores(was: pd.DataFrame, is_now: pd.DataFrame, voids: pd.MultiIndex) -> pd.DataFrame:
    """The cells whose value is another one, by round and model, with their causes.

    ``voids``: the truth versions by which an operator voided a round (``void_versions``).

    Columns: CELL, ``resolvable_at``, each of COMPARED as it is and with ``_before`` as it was
    (missing where there was no score), and ``causes``, a tuple of :class:`Cause`.
    """
    names = [*CELL, "resolvable_at", *COMPARED]
    key = [*CELL, "resolvable_at"]
    both = was[names].merge(is_now[names], on=key, how="outer", suffixes=("_before", ""))
    differ = {name: _differ(both[f"{name}_before"], both[name]) for name in COMPARED}
    both["causes"] = _causes(both, differ, voids)
    return both[differ["value"]].sort_values(CELL[::-1][1:] + CELL[2:], ignore_index=True)


def told_rounds(changed: pd.DataFrame, truths: pd.DataFrame) -> list[dict[str, Any]]:
    """The rounds of changed scores in order, each with its causes and what its truth was.

    ``truths``: all versions of at least these rounds (GROUND_TRUTH_COLUMNS).
    """
    names = (*ROUND, "version", "state", "outcome", "reason")
    columns = [truths[name].tolist() for name in names]
    known = {(config, at, int(v)): told for config, at, v, *told in zip(*columns, strict=True)}
    return [
        _told_round(key, own, known)
        for key, own in changed.groupby(ROUND[::-1], sort=True, dropna=False)
    ]


def _told_round(
    key: tuple[Hashable, ...], own: pd.DataFrame, known: dict[tuple[Any, ...], list[Any]]
) -> dict[str, Any]:
    performed_at, config = key
    causes = sorted({cause.value for each in own["causes"] for cause in each})
    told: dict[str, Any] = {
        "prediction_config_id": config,
        "performed_at": pd.Timestamp(str(performed_at)).isoformat(),
        "resolvable_at": own["resolvable_at"].iloc[0].isoformat(),
        "causes": causes,
        "scores": len(own),
    }
    for name, column in (("truth_before", "truth_version_before"), ("truth", "truth_version")):
        version = own[column].max()
        told[name] = None if pd.isna(version) else _truth(known, config, performed_at, int(version))
    return told


def _truth(
    known: dict[tuple[Any, ...], list[Any]], config: Any, performed_at: Any, version: int
) -> dict[str, Any]:
    state, outcome, reason = known.get((config, performed_at, version), (None, None, None))
    number = None if outcome is None or pd.isna(outcome) else float(outcome)
    return {"version": version, "state": state, "outcome": number, "reason": reason}


def _differ(was: "pd.Series[Any]", is_now: "pd.Series[Any]") -> "pd.Series[bool]":
    return ~((was == is_now) | (was.isna() & is_now.isna()))


def _causes(
    both: pd.DataFrame, differ: dict[str, "pd.Series[bool]"], voids: pd.MultiIndex
) -> list[tuple[Cause, ...]]:
    late = both["status_before"].isna().to_numpy()
    truth = ~late & differ["truth_version"].to_numpy()
    voided = truth & _of(both, "truth_version").isin(voids)
    restored = truth & ~voided & _of(both, "truth_version_before").isin(voids)
    found = {
        Cause.TRUTH: truth & ~voided & ~restored,
        Cause.VOIDED: voided,
        Cause.RESTORED: restored,
        Cause.SCORER: ~late & differ["scorer"].to_numpy() & ~voided & ~restored,
        Cause.ANSWER: ~late & differ["prediction_version"].to_numpy(),
        Cause.LATE: late,
    }
    unexplained = ~np.logical_or.reduce([*found.values()])
    found[Cause.RULE] = unexplained & differ["rule"].to_numpy()
    found[Cause.FIELD] = unexplained & ~differ["rule"].to_numpy()
    flags = zip(*(column.tolist() for column in found.values()), strict=True)
    return [tuple(c for c, there in zip(found, row, strict=True) if there) for row in flags]


def _of(both: pd.DataFrame, version: str) -> pd.MultiIndex:
    """Which version of which truth each row names."""
    versions = both[version].fillna(0).astype("int64")
    return pd.MultiIndex.from_frame(both[ROUND].assign(version=versions))
