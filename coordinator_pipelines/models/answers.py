"""What every implementation of the door shares: facts about models, cells made into answers.

Add here what replayed and live models have in common; avoid asking.
"""

from collections.abc import Sequence
from typing import Any

from coordinator_pipelines.domain.doors.models import Answer, Ask, Member, Outcome


def model_facts(member: Member) -> dict[str, str]:
    """What a keyword argument that differs from model to model may be."""
    return {"model_id": member.model_id, "model_name": member.name, "owner": member.owner}


def same_answers(ask: Ask, member: Member, outcome: Outcome, reason: str) -> list[Answer]:
    """One answer per cell of a member, all alike."""
    return as_answers(ask, member, [(outcome, None, reason, None)] * calls_in(ask))


def calls_in(ask: Ask) -> int:
    """How many cells an ask has per member."""
    return sum(len(question.calls) for question in ask.questions)


def as_answers(ask: Ask, member: Member, cells: Sequence[tuple[Any, ...]]) -> list[Answer]:
    """Answers from (outcome, output, reason, exec_time_ms) per call, in the order of the calls."""
    keys = (
        (call.prediction_config_id, question.performed_at)
        for question in ask.questions
        for call in question.calls
    )
    return [
        Answer(member.model_id, config, performed_at, Outcome(cell[0]), *cell[1:])
        for (config, performed_at), cell in zip(keys, cells, strict=True)
    ]
