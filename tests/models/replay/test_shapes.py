"""Replayed models are called in the shape that the challenge's interface has."""

import dataclasses
import json

from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from tests.models.replay.conftest import OPEN, build_ask

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


CONSTANT = """
from tracker import TrackerBase

class Model(TrackerBase):
    def tick(self, data, metrics):
        metrics.setdefault("told", []).append(data)
        self.told = [*getattr(self, "told", []), metrics]

    def predict(self, k, step, mode):
        mode.append("spoilt")
        return [self.told, mode]
"""


def test_a_constant_is_an_object_of_its_own_in_each_call(tmp_path, write_model, make_ask):
    shape = CallShape(tick_constants={"metrics": {}}, predict_constants={"mode": [1.5, True]})
    member = write_model("constant", main=CONSTANT)
    told = '[[{"told": ["history"]}, {"told": [0]}], [1.5, true, "spoilt"]]'
    assert outputs(tmp_path, member, make_ask(rounds=1), shape) == [told]


def test_a_question_may_have_several_ticks_of_which_each_stands_alone(ask_models, write_model):
    body = """
    def tick(self, data):
        if data == "hang": time.sleep(99)
        if data == "raise": raise ValueError(data)
        super().tick(data)
    """
    ask = build_ask(rounds=4)
    ticks = [("a", "b"), ("c", "hang", "d"), ("e", "raise", "f"), ("g",)]
    questions = [
        dataclasses.replace(question, ticks=given)
        for question, given in zip(ask.questions, ticks, strict=True)
    ]
    ask = dataclasses.replace(ask, history=("1", "2"), questions=tuple(questions))
    answers = ask_models(write_model(body=body, predict="return self.seen"), ask=ask)
    seen = [json.loads(each.output) if each.output else each.reason for each in answers]
    assert seen == [
        ["1", "2", "a", "b"],
        "tick took longer than 0.3 s",
        "tick raised ValueError: raise",
        ["1", "2", "a", "b", "c", "d", "e", "f", "g"],
    ]
