"""Replayed models are called in the shape that the challenge's interface has."""

from coordinator_pipelines.domain.spec.sections import CallShape
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from tests.models.replay.conftest import OPEN

NAMED = """
from tracker import TrackerBase

class Model(TrackerBase):
    def feed(self, payload, me):
        self.fed = [*getattr(self, "fed", []), (payload, me)]

    def ask(self, k, step, who):
        return [getattr(self, "fed", None), who]
"""


def outputs(tmp_path, member, ask, shape):
    with ReplayModels(
        base_class="tracker.TrackerBase", lodging=OPEN, log_dir=tmp_path / "logs", call=shape
    ) as models:
        [(_, answers)] = models.ask_each([(ask, [member])])
    return [answer.output for answer in answers]


def test_names_keywords_and_facts_are_those_of_the_challenge(tmp_path, write_model, make_ask):
    shape = CallShape(
        tick_method="feed",
        tick_argument="payload",
        tick_facts={"me": "model_id"},
        predict_method="ask",
        predict_facts={"who": "owner"},
    )
    member = write_model("named", main=NAMED)
    assert outputs(tmp_path, member, make_ask(rounds=1), shape) == [
        '[[["history", "named"], [0, "named"]], "owner"]'
    ]


def test_without_a_tick_method_models_are_only_asked(tmp_path, write_model, make_ask):
    shape = CallShape(tick_method=None, predict_method="ask", predict_facts={"who": "model_name"})
    member = write_model("named", main=NAMED)
    assert outputs(tmp_path, member, make_ask(rounds=2), shape) == ['[null, "named"]'] * 2
