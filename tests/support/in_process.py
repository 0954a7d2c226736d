"""Models of a roster without processes: their code, asked in this one."""

import importlib.util
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from coordinator_pipelines.domain.doors.models import Answer, Ask, Member, Models, Outcome


class InProcess(Models):
    """Asks each model's own ``main.py``, anew for every ask; what it imports must be importable.

    For tests of what becomes of answers: they are those of the model's process, which takes a
    quarter of a second to start. ``base``: name of the class that models inherit from.
    """

    def __init__(self, base: str = "TrackerBase") -> None:
        self._base = base

    def ask_each(
        self, asks: Iterable[tuple[Ask, Sequence[Member]]]
    ) -> Iterator[tuple[Ask, list[Answer]]]:
        """The history, then each question's data and calls."""
        for ask, members in asks:
            yield ask, [answer for member in members for answer in self._answers(ask, member)]

    def _answers(self, ask: Ask, member: Member) -> Iterator[Answer]:
        model = self._made(member)
        for data in ask.history or ():
            model.tick(data)
        for question in ask.questions:
            for data in question.ticks:
                model.tick(data)
            for call in question.calls:
                cell = (member.model_id, call.prediction_config_id, question.performed_at)
                try:
                    said = model.predict(*call.args, **call.kwargs)
                except Exception as error:  # noqa: BLE001 (a model may raise anything)
                    reason = f"{type(error).__name__}: {error}"
                    yield Answer(*cell, Outcome.FAILED, None, reason, 0.0)
                    continue
                if said is None:
                    yield Answer(*cell, Outcome.ABSTAINED, None, "the model returned None", 0.0)
                else:
                    yield Answer(*cell, Outcome.SUCCESS, json.dumps(said), None, 0.0)

    def _made(self, member: Member) -> Any:
        assert member.directory is not None
        path = member.directory / "main.py"
        spec = importlib.util.spec_from_file_location(member.model_id, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        base = getattr(module, self._base)
        classes = [each for each in vars(module).values() if isinstance(each, type)]
        return next(each for each in classes if issubclass(each, base) and each is not base)()
