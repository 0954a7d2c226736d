"""What speaks against a payout: copies across accounts and forecasts that never change.

Add a finding here; avoid how likeness is measured (``copies``). One that is ``blocking`` stops the
approval until an operator acknowledges it with a reason (``desk``).
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from coordinator_pipelines.domain.checkpoint.copies import LAGS, Numbers, constants, copies
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER, Outcome
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

MOST_ROUNDS = 2000
"""Rounds at the end of a period that are looked at: enough to tell a copy, whatever its length."""
MOST_NUMBERS = 8
"""Numbers of one answer that are compared."""
NAMED_ROUNDS = 3


def findings(
    challenge: Challenge, ledger: Ledger, mode: Mode, period: Window, accounts: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What speaks against paying a period, the gravest first.

    Each: ``{"name", "blocking", "text", "models", "rounds", "left", "lag"}``. ``accounts``: model
    id -> account, of every model of the board.
    """
    numbers, models, instants = _forecasts(challenge, ledger, mode, period)
    found = list(_copied(numbers, models, instants, accounts))
    return found + [_constant(models[column]) for column in constants(numbers)]


def _copied(
    numbers: Numbers, models: list[str], instants: list[str], accounts: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    owners = [_owner(accounts, model) for model in models]
    answered = np.atleast_2d(np.isfinite(numbers).any(axis=0))
    for one in copies(numbers, owners):
        first, second = (f"{models[i]} ({owners[i]})" for i in (one.first, one.second))
        what = f"{first} and {second} answer alike"
        if one.lag:
            what = f"{second} answers what {first} did {one.lag} rounds before"
        common = np.flatnonzero(answered[:, one.first] & answered[:, one.second])
        yield {
            "name": f"copy:{models[one.first]}:{models[one.second]}",
            "blocking": True,
            "text": f"{what}: over {one.rounds} rounds, {100 * one.left:.2g} % of the variation is "
            "the copy's own",
            "models": [models[one.first], models[one.second]],
            "rounds": [instants[i] for i in common[:NAMED_ROUNDS]],
            "left": one.left,
            "lag": one.lag,
        }


def _owner(accounts: Mapping[str, str], model: str) -> str:
    """The account of a model; models whose owner is not known are nobody's copies of themselves."""
    account = accounts.get(model, UNKNOWN_OWNER)
    return f"{UNKNOWN_OWNER} owner of {model}" if account == UNKNOWN_OWNER else account


def _constant(model: str) -> dict[str, Any]:
    return {
        "name": f"constant:{model}",
        "blocking": False,
        "text": f"{model} gives the same answer in every round",
        "models": [model],
        "rounds": [],
        "left": None,
        "lag": None,
    }


def _forecasts(
    challenge: Challenge, ledger: Ledger, mode: Mode, period: Window
) -> tuple[Numbers, list[str], list[str]]:
    """Numbers of the newest answers of the period, the models, and the rounds' instants.

    Rounds of several prediction configs follow one another, with a gap that no lag reaches over.
    """
    intervals = [config.interval_seconds for config in challenge.configs]
    per_day = sum(86400 / seconds for seconds in intervals if seconds)
    start = period.start
    if per_day:
        start = max(start, period.end - timedelta(days=MOST_ROUNDS / per_day))
    cells = ledger.predictions(mode, start, period.end)
    cells = cells[cells["status"] == Outcome.SUCCESS.value].reset_index(drop=True)
    answers = [numbers_of(json.loads(text)) for text in cells["output_json"]]
    longest = min(MOST_NUMBERS, max(map(len, answers), default=0))
    if longest == 0:
        return np.empty((0, 0, 0)), [], []
    models, columns = np.unique(cells["model_id"].to_numpy(str), return_inverse=True)
    rounds = cells.groupby(["prediction_config_id", "performed_at"]).ngroup().to_numpy()
    configs = cells.groupby("prediction_config_id").ngroup().to_numpy()
    rows = rounds + configs * LAGS
    values = np.full((longest, int(rows.max()) + 1, len(models)), np.nan)
    for place in range(longest):
        values[place, rows, columns] = [
            own[place] if place < len(own) else np.nan for own in answers
        ]
    instants = [""] * values.shape[1]
    for row, performed_at in zip(rows.tolist(), cells["performed_at"], strict=True):
        instants[row] = performed_at.isoformat()
    return values, [str(model) for model in models], instants


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
