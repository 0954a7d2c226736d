"""What is asked at one live instant, and of whom; a replay asks by ``question``.

Add here how a live instant becomes rounds, a question and expected cells; avoid asking and
storing (``capture``). An author's code that fails costs its own round: it is VOID, with the
reason, and no model is asked.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CallableError
from coordinator_pipelines.domain.ledger import RoundStatus
from coordinator_pipelines.domain.membership import Memberships
from coordinator_pipelines.domain.models import Ask, Call, Member, Question
from coordinator_pipelines.domain.prediction_batch import expected_cells
from coordinator_pipelines.domain.question import Sight, call_of, with_inputs
from coordinator_pipelines.domain.rules import Rules
from coordinator_pipelines.domain.timetable import Due


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """One live instant, ready to be asked."""

    performed_at: datetime
    rounds: pd.DataFrame
    """The rounds of the instant, with input, scope, status and reason."""
    ask: Ask | None
    """None if every round is VOID."""
    members: list[Member]
    cells: pd.DataFrame
    """The cells to be filled: key, ``version``, ``code_hash``."""


def pose(
    challenge: Challenge,
    rules: Rules,
    due: Due,
    sight: Sight,
    memberships: Memberships,
    *,
    since: datetime | None,
    with_history: bool,
) -> LiveQuestion:
    """The question of an instant.

    ``since``: the instant of the question before it, if models remember it; what became visible
    after that is new. ``with_history``: whether some model must be told everything.
    """
    rounds = with_inputs(challenge, due.rounds, sight).assign(scope_json=None, input_json=None)
    tick, history = None, None
    try:
        if _asked(rounds).any():
            new = sight.history(due.performed_at) if since is None else sight.since(
                since, due.performed_at
            )  # fmt: skip
            tick = history = rules.inference_input(new)
            if with_history and since is not None:
                history = rules.inference_input(sight.history(due.performed_at))
    except CallableError as error:
        _void(rounds, rounds.index[_asked(rounds)], str(error))
    calls = _calls(challenge, rules, rounds, tick)
    question = Question(due.performed_at, None if since is None else tick, calls)
    name = f"{challenge.name} {due.performed_at:%Y-%m-%dT%H:%M:%SZ}"
    told = history if with_history or since is None else None
    members = memberships.members()
    codes = {member.model_id: member.code_hash for member in members}
    cells = expected_cells(rounds[_asked(rounds)], memberships.frame())
    return LiveQuestion(
        due.performed_at,
        rounds,
        Ask(name, told, (question,), challenge.call_limits) if calls else None,
        members,
        cells.assign(version=1, code_hash=cells["model_id"].map(codes)),
    )


def _calls(challenge: Challenge, rules: Rules, rounds: pd.DataFrame, data: Any) -> tuple[Call, ...]:
    """The calls of the rounds that are asked; scope and input are noted in the rounds."""
    configs = {config.id: config for config in challenge.configs}
    asked = rounds[_asked(rounds)]
    calls, text = [], json.dumps(data, allow_nan=False)
    for index, config_id in zip(asked.index, asked["prediction_config_id"], strict=True):
        try:
            call, scope = call_of(rules, configs[config_id], data)
        except (CallableError, ValueError) as error:
            _void(rounds, [index], str(error))
            continue
        rounds.loc[index, ["scope_json", "input_json"]] = [scope, text]
        calls.append(call)
    return tuple(calls)


def _asked(rounds: pd.DataFrame) -> "pd.Series[bool]":
    return rounds["status"] == RoundStatus.ASKED.value


def _void(rounds: pd.DataFrame, index: Any, reason: str) -> None:
    rounds.loc[index, ["status", "reason"]] = [RoundStatus.VOID.value, reason[:500]]
