"""What is asked at one live instant, and of whom; a replay asks by ``question``.

Add here how a live instant becomes rounds, a question and expected cells; avoid asking and
storing (``capture``). An author's code that fails costs its own round: it is VOID, with the
reason, and no model is asked. So is a round in which no model could be reached, or whose models
the coordinator kept from answering: an outcome is a verdict on a model, and needs evidence.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.author.rules import FeedContext, Rules
from coordinator_pipelines.domain.doors.ledger import CELL, RoundStatus
from coordinator_pipelines.domain.doors.models import Answer, Ask, Call, Member, Outcome, Question
from coordinator_pipelines.domain.membership.membership import Memberships
from coordinator_pipelines.domain.prediction_batch.answer import REASON_LENGTH, prediction_rows
from coordinator_pipelines.domain.prediction_batch.prediction_batch import expected_cells
from coordinator_pipelines.domain.prediction_batch.question import Sight, call_of, with_inputs
from coordinator_pipelines.domain.rounds.feature_table import FeatureTable
from coordinator_pipelines.domain.rounds.timetable import Due
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CallableError


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
    tables: dict[str, FeatureTable] = field(default_factory=dict)
    """Config -> the table of its round, where an operator opened it."""


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
    data: Any = None
    ticks: tuple[Any, ...] = ()
    history: tuple[Any, ...] | None = None
    try:
        if _asked(rounds).any():
            if since is not None:
                ticks, data = rules.told(sight.since(since, due.performed_at))
            if with_history or since is None:
                history, whole = rules.told(sight.history(due.performed_at))
                data = whole if since is None else data
    except CallableError as error:
        _void(rounds, rounds.index[_asked(rounds)], str(error))
    asked = rounds[_asked(rounds)]
    calls = _calls(challenge, rules, rounds, dict.fromkeys(asked["prediction_config_id"], data))
    question = Question(due.performed_at, ticks, calls)
    return LiveQuestion(
        due.performed_at,
        rounds,
        _ask(challenge, question, history),
        memberships.members(),
        _cells(rounds, memberships, due.performed_at),
    )


def pose_opened(
    challenge: Challenge, rules: Rules, due: Due, memberships: Memberships, now: datetime
) -> LiveQuestion:
    """The question of rounds that an operator opened: each model is given each round's own table.

    Asked are the models that are members ``now``, which may be later than the opening.
    """
    empty = pd.Series(None, due.rounds.index, "object")
    rounds = due.rounds.assign(
        status=RoundStatus.ASKED.value, reason=empty, scope_json=empty, input_json=empty,
        input_ended_at=pd.Series(None, due.rounds.index, "datetime64[us, UTC]"),
    )  # fmt: skip
    texts = zip(rounds["prediction_config_id"], rounds["features_json"], strict=True)
    tables = {config: FeatureTable.from_json(text) for config, text in texts}
    inputs = {}
    for index, config in rounds["prediction_config_id"].items():
        given = {"ids": list(tables[config].ids), "columns": tables[config].columns}
        try:
            inputs[config] = rules.told(FeedContext(now, None, {}, given)).input
        except CallableError as error:
            _void(rounds, [index], str(error))
    question = Question(due.performed_at, (), _calls(challenge, rules, rounds, inputs))
    return LiveQuestion(
        due.performed_at,
        rounds,
        _ask(challenge, question, None),
        memberships.members(),
        _cells(rounds, memberships, now),
        tables,
    )


def unasked(due: Due, reason: str) -> LiveQuestion:
    """An instant at which nobody can be asked: its rounds are VOID."""
    nothing = pd.Series(None, due.rounds.index, "object")
    rounds = due.rounds.assign(
        status=RoundStatus.VOID.value, reason=reason[:REASON_LENGTH], scope_json=nothing,
        input_json=nothing,
        input_ended_at=pd.Series(None, due.rounds.index, "datetime64[us, UTC]"),
    )  # fmt: skip
    return LiveQuestion(due.performed_at, rounds, None, [], rounds[CELL[:2]].iloc[:0].assign(
        model_id=None, version=1, code_hash=None
    ))  # fmt: skip


def blameless(question: LiveQuestion, answers: Sequence[Answer]) -> LiveQuestion:
    """The question with the rounds VOID whose answers say nothing of the models.

    That is where no model could be reached, or the coordinator itself kept some from answering.
    """
    void = {}
    for config in question.cells["prediction_config_id"].unique():
        own = [answer for answer in answers if answer.prediction_config_id == config]
        ours = next((answer for answer in own if answer.ours), None)
        if ours is not None:
            void[config] = str(ours.reason)
        elif own and all(answer.outcome is Outcome.ABSENT for answer in own):
            void[config] = f"no model could be reached; {own[0].model_id}: {own[0].reason}"
    if not void:
        return question
    rounds = question.rounds.copy()
    for index, config in rounds["prediction_config_id"].items():
        if config in void:
            _void(rounds, [index], void[config])
    kept = ~question.cells["prediction_config_id"].isin(list(void))
    return replace(question, rounds=rounds, cells=question.cells[kept].reset_index(drop=True))


def rows_of(question: LiveQuestion, answers: Sequence[Answer], rules: Rules) -> pd.DataFrame:
    """The answers as ``answer.prediction_rows``, those to tables checked against their rows."""
    if not question.tables:
        return prediction_rows(answers, rules.validate)
    parts = [
        prediction_rows(
            [answer for answer in answers if answer.prediction_config_id == config],
            partial(_checked_values, table, rules),
        )
        for config, table in question.tables.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _checked_values(table: FeatureTable, rules: Rules, output: Any) -> dict[str, Any]:
    """The answer as ``{"predictions": {id: number}}``, as the author's validator leaves it."""
    kept: dict[str, Any] = rules.validate({"predictions": table.values(output)})
    return {**kept, "predictions": table.values(kept.get("predictions"))}


def _ask(challenge: Challenge, question: Question, history: tuple[Any, ...] | None) -> Ask | None:
    name = f"{challenge.name} {question.performed_at:%Y-%m-%dT%H:%M:%SZ}"
    return Ask(name, history, (question,), challenge.call_limits) if question.calls else None


def _cells(rounds: pd.DataFrame, memberships: Memberships, at: datetime) -> pd.DataFrame:
    """The cells of the rounds that are asked, of the models that are members at an instant."""
    codes = {member.model_id: member.code_hash for member in memberships.members()}
    asked = rounds[_asked(rounds)]
    instant = pd.Series(pd.Timestamp(at), asked.index, "datetime64[us, UTC]")
    cells = expected_cells(asked.assign(performed_at=instant), memberships.frame())
    opened = asked.set_index("prediction_config_id")["performed_at"]
    return cells.assign(
        performed_at=cells["prediction_config_id"].map(opened),
        version=1,
        code_hash=cells["model_id"].map(codes),
    )


def _calls(
    challenge: Challenge, rules: Rules, rounds: pd.DataFrame, inputs: dict[str, Any]
) -> tuple[Call, ...]:
    """The calls of the rounds that are asked; scope and input are noted in the rounds.

    ``inputs``: config -> its inference input.
    """
    configs = {config.id: config for config in challenge.configs}
    asked = rounds[_asked(rounds)]
    calls = []
    for index, config_id in zip(asked.index, asked["prediction_config_id"], strict=True):
        try:
            call, scope = call_of(rules, configs[config_id], inputs[config_id])
        except (CallableError, ValueError) as error:
            _void(rounds, [index], str(error))
            continue
        text = json.dumps(inputs[config_id], allow_nan=False)
        rounds.loc[index, ["scope_json", "input_json"]] = [scope, text]
        calls.append(call)
    return tuple(calls)


def _asked(rounds: pd.DataFrame) -> "pd.Series[bool]":
    return rounds["status"] == RoundStatus.ASKED.value


def _void(rounds: pd.DataFrame, index: Any, reason: str) -> None:
    rounds.loc[index, ["status", "reason"]] = [RoundStatus.VOID.value, reason[:REASON_LENGTH]]
