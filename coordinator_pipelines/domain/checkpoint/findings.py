"""What speaks against a payout: copies, one owner under several accounts, lateness, constants.

Add a finding here; avoid how it is told (``copies``, ``ensemble_copies``, ``lateness``) and reading
(``period_answers``, ``late_answers``). One that is ``blocking`` stops the approval until an
operator acknowledges it with a reason (``desk``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from coordinator_pipelines.domain.checkpoint.copies import constants, copies
from coordinator_pipelines.domain.checkpoint.ensemble_copies import ensemble_copies
from coordinator_pipelines.domain.checkpoint.late_answers import late_answers
from coordinator_pipelines.domain.checkpoint.lateness import FALSE_ALARMS
from coordinator_pipelines.domain.checkpoint.period_answers import (
    PeriodAnswers,
    period_answers,
    span,
)
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.percent import percent

NAMED_ROUNDS = 3
NAMED_MODELS = 5
SHOWN_HASH = 12
"""Characters of a code's hash that name a finding."""


def findings(
    challenge: Challenge, ledger: Ledger, mode: Mode, period: Window, accounts: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What speaks against paying a period, those that stop it first.

    Each: ``{"name", "blocking", "text", "models", "rounds", "left", "lag"}``. ``accounts``: model
    id -> account, of every model of the board; linked accounts are one owner.
    """
    at = span(challenge, period)
    answers = period_answers(challenge, ledger, mode, at)
    owners = {
        model: _owner(accounts, challenge.emission.linked, model)
        for model in {*answers.models, *accounts}
    }
    found = [*_copied(answers, owners), *_ensembles_copied(answers, owners)]
    found += _same_code(answers, owners)
    found += _late(challenge, ledger, mode, at, owners)
    return found + [_constant(answers, column, owners) for column in constants(answers.numbers)]


def _copied(answers: PeriodAnswers, owners: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    models = answers.models
    for one in copies(answers.numbers, [owners[model] for model in models]):
        first, second = models[one.first], models[one.second]
        told = [f"{model} ({owners[model]})" for model in (first, second)]
        what = f"{told[0]} and {told[1]} answer alike"
        if one.lag:
            what = f"{told[1]} answers what {told[0]} did {one.lag} rounds before"
        yield _finding(
            f"copy:{first}:{second}",
            f"{what}: over {one.rounds} rounds, {100 * one.left:.2g} % of the variation is "
            "the copy's own",
            [first, second],
            _common(answers, [one.first, one.second]),
            left=one.left,
            lag=one.lag,
        )


def _ensembles_copied(
    answers: PeriodAnswers, owners: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for one in ensemble_copies(
        answers.plain, answers.ensemble_numbers, answers.weights, answers.ensemble_lags
    ):
        model, ensemble = answers.models[one.model], answers.ensembles[one.ensemble]
        when = f"did {one.lag} rounds before" if one.lag else "says in the same round"
        yield _finding(
            f"ensemble:{model}",
            f"{model} ({owners[model]}) answers what the ensemble {ensemble} {when}: over "
            f"{one.rounds} rounds, {100 * one.left:.2g} % of the variation is its own",
            [model, ensemble],
            _common(answers, [one.model]),
            left=one.left,
            lag=one.lag,
        )


def _same_code(answers: PeriodAnswers, owners: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """One deployment under several accounts: what nobody declared, and everybody can see."""
    for code, models in answers.codes.items():
        accounts = sorted({owners[model] for model in models})
        if len(accounts) > 1:
            yield _finding(
                f"same-code:{code[:SHOWN_HASH]}",
                f"{_listed(models)} run the same code ({code}) under {len(accounts)} accounts: "
                f"{_listed(accounts)}; if they are one owner's, emission.linked_accounts says so",
                models,
                _common(answers, [answers.models.index(model) for model in models]),
            )


def _late(
    challenge: Challenge, ledger: Ledger, mode: Mode, at: Window, owners: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for model, one, rounds in late_answers(challenge, ledger, mode, at):
        yield _finding(
            f"late:{model}",
            f"{model} ({owners.get(model, UNKNOWN_OWNER)}) took more than a quarter of the time "
            f"allowed in {one.late} of {one.rounds} rounds and gains by it: {one.late_gain:+.3g} "
            f"above the field's median when it is late, {one.early_gain:+.3g} when it is not (rank "
            f"correlation {one.correlation:.2f}, p = {one.p_value:.1g}; anybody of an honest field "
            f"is accused in at most {percent(FALSE_ALARMS)} of periods)",
            [model],
            rounds[:NAMED_ROUNDS],
        )


def _constant(answers: PeriodAnswers, column: int, owners: Mapping[str, str]) -> dict[str, Any]:
    model, own = answers.models[column], answers.plain[:, :, column]
    answered = np.isfinite(own).any(axis=0)
    said = ", ".join(f"{value:g}" for value in own[:, np.argmax(answered)] if np.isfinite(value))
    text = f"{model} ({owners[model]}) gives the same answer in every round: {said}"
    return _finding(
        f"constant:{model}",
        f"{text}, {int(answered.sum())} times",
        [model],
        _common(answers, [column]),
        blocking=False,
    )


def _common(answers: PeriodAnswers, columns: Sequence[int]) -> list[str]:
    """The first rounds that these models all answered."""
    answered = np.all(np.isfinite(answers.plain[:, :, columns]).any(axis=0), axis=1)
    instants = [answers.instants[row] for row in np.flatnonzero(answered)]
    return sorted(set(instants))[:NAMED_ROUNDS]


def _owner(accounts: Mapping[str, str], linked: Mapping[str, str], model: str) -> str:
    """Who a model belongs to; models whose owner is not known are nobody's copies of themselves."""
    account = accounts.get(model, UNKNOWN_OWNER)
    if account == UNKNOWN_OWNER:
        return f"{UNKNOWN_OWNER} owner of {model}"
    return linked.get(account, account)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED_MODELS])
    return shown if len(names) <= NAMED_MODELS else f"{shown} and {len(names) - NAMED_MODELS} more"


def _finding(
    name: str, text: str, models: list[str], rounds: list[str], *, blocking: bool = True,
    left: float | None = None, lag: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name, "blocking": blocking, "text": text, "models": models, "rounds": rounds,
        "left": left, "lag": lag,
    }  # fmt: skip
