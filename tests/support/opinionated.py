"""Models without processes, each always of the same opinion."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from coordinator_pipelines.domain.doors.models import Answer, Ask, Member, Models, Outcome


class Opinionated(Models):
    """Answers every call at once. ``opinions``: ``p_up`` by model."""

    def __init__(self, opinions: Mapping[str, float]) -> None:
        self._opinions = opinions

    def ask_each(
        self, asks: Iterable[tuple[Ask, Sequence[Member]]]
    ) -> Iterator[tuple[Ask, list[Answer]]]:
        """Each member's opinion, in every round."""
        for ask, members in asks:
            yield ask, [answer for member in members for answer in self._answers(ask, member)]

    def _answers(self, ask: Ask, member: Member) -> Iterator[Answer]:
        output = json.dumps({"p_up": self._opinions[member.model_id]})
        for question in ask.questions:
            for call in question.calls:
                yield Answer(
                    member.model_id,
                    call.prediction_config_id,
                    question.performed_at,
                    Outcome.SUCCESS,
                    output,
                    None,
                    0.0,
                )
