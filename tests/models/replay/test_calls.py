"""What a model that behaves, raises, or answers strange things gets for it."""

import dataclasses
import json
import math

import pytest

from coordinator_pipelines.domain.doors.models import Call, Outcome, Question
from coordinator_pipelines.domain.spec.call_shape import CallShape
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from tests.models.replay.conftest import OPEN


def outcomes(answers):
    return [answer.outcome.value for answer in answers]


def test_history_comes_first_and_each_tick_before_its_call(ask_models, write_model):
    model = write_model(predict="return [self.seen, k, step]")
    assert ask_models.outputs(model) == [
        [["history", 0], 0, 60],
        [["history", 0, 1], 1, 60],
        [["history", 0, 1, 2], 2, 60],
    ]


def test_answers_carry_their_cells_and_times(ask_models, write_model, make_ask):
    ask = make_ask()
    slow = write_model("b", "time.sleep(0.05)\nreturn {'p_up': 0.5}")
    answers = ask_models(slow, write_model("a"), ask=ask)
    assert [answer.model_id for answer in answers] == ["b"] * 3 + ["a"] * 3
    assert [answer.performed_at for answer in answers[:3]] == [
        question.performed_at for question in ask.questions
    ]
    assert all(0 <= answer.exec_time_ms < 300 for answer in answers)
    assert all(answer.exec_time_ms >= 50 for answer in answers[:3])


def test_questions_without_news_and_with_several_calls_keep_their_order(
    ask_models, write_model, make_ask
):
    ask = make_ask()
    calls = tuple(Call(name, (name,), {"step": 1}) for name in ("x", "y"))
    quiet = Question(ask.questions[1].performed_at, (), calls)
    none = Question(ask.questions[2].performed_at, (2,), ())
    ask = dataclasses.replace(ask, questions=(ask.questions[0], quiet, none))
    answers = ask_models(write_model(predict="return [k, self.seen]"), ask=ask)
    assert [json.loads(answer.output) for answer in answers] == [
        [0, ["history", 0]],
        ["x", ["history", 0]],
        ["y", ["history", 0]],
    ]
    assert [answer.prediction_config_id for answer in answers] == ["config", "x", "y"]


def test_an_ask_without_calls_has_no_answers(ask_models, write_model, make_ask):
    assert ask_models(write_model(), ask=make_ask(rounds=0)) == []


def test_an_exception_costs_its_cell_and_stands_in_the_log(ask_models, write_model, tmp_path):
    answers = ask_models(write_model(predict="if k == 1: raise ValueError('no idea')\nreturn k"))
    assert outcomes(answers) == ["SUCCESS", "FAILED", "SUCCESS"]
    assert answers[1].reason == "ValueError: no idea"
    assert answers[1].output is None
    ask_models.models.close()
    log = (tmp_path / "logs/model.log").read_text()
    assert "window: predict at 2026-11-01T00:01:00+00:00 raised" in log
    assert "if k == 1: raise ValueError('no idea')" in log


def test_a_long_reason_is_cut(ask_models, write_model):
    answers = ask_models(write_model(predict="raise ValueError('é' * 5000)"))
    assert len(answers[0].reason) == 500


@pytest.mark.parametrize("raised", ["KeyboardInterrupt()", "Unspeakable()", "RecursionError()"])
def test_any_exception_is_contained(ask_models, write_model, raised):
    before = """
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError
    """
    answers = ask_models(write_model(before=before, predict=f"raise {raised}"))
    assert outcomes(answers) == ["FAILED"] * 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("True", "1"),  # the published protocol has no booleans
        ("{'p_up': 0.25}", '{"p_up": 0.25}'),
        ("{60: (1, None)}", '{"60": [1, null]}'),
        ("'line\\nline é'", '"line\\nline \\u00e9"'),
        ("[[[[]]]]", "[[[[]]]]"),
        ("float('inf')", "Infinity"),
        ("2 ** 63 - 1", "9223372036854775807"),
    ],
)
def test_json_comes_back_as_text(ask_models, write_model, value, text):
    assert [answer.output for answer in ask_models(write_model(predict=f"return {value}"))] == [
        text
    ] * 3


def test_nan_comes_back_for_the_validator_to_judge(ask_models, write_model):
    values = ask_models.outputs(write_model(predict="return float('nan')"))
    assert all(math.isnan(value) for value in values)


def test_none_is_an_abstention(ask_models, write_model):
    answers = ask_models(write_model(predict="return None"))
    assert outcomes(answers) == ["ABSTAINED"] * 3
    assert answers[0].output is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("object()", "object is not JSON"),
        ("{1, 2}", "set is not JSON"),
        ("b'1'", "bytes is not JSON"),
        ("10 ** 5000", "cannot be written as JSON"),
        ("2 ** 63", "cannot be written as JSON"),
        ("(1, 2)", "tuple is not JSON"),
        ("'\\ud800'", "cannot be written as JSON"),
        ("'x' * 10_000_000", "10000002 bytes of JSON; at most 2000"),
    ],
)
def test_what_is_no_json_or_too_big_is_said_so(ask_models, write_model, value, reason):
    answers = ask_models(write_model(predict=f"return {value}"))
    assert outcomes(answers) == ["FAILED"] * 3
    assert reason in answers[0].reason


def test_a_self_containing_answer_fails(ask_models, write_model):
    answers = ask_models(write_model(predict="x = []; x.append(x); return x"))
    assert outcomes(answers) == ["FAILED"] * 3


def test_a_tick_that_raises_costs_the_calls_of_its_question(ask_models, write_model):
    body = """
    def tick(self, data):
        if data == 1: raise KeyError('tick')
    """
    answers = ask_models(write_model(body=body))
    assert outcomes(answers) == ["SUCCESS", "FAILED", "SUCCESS"]
    assert answers[1].reason == "tick raised KeyError: 'tick'"
    assert answers[1].exec_time_ms is None


def test_a_history_tick_that_raises_costs_the_ask(ask_models, write_model):
    answers = ask_models(write_model(body="def tick(self, data): raise ValueError(data)"))
    assert outcomes(answers) == ["FAILED"] * 3
    assert answers[0].reason == "history tick raised ValueError: history"


def test_a_constructor_that_raises_makes_the_model_absent(ask_models, write_model):
    answers = ask_models(write_model(body="def __init__(self): open('weights')"))
    assert outcomes(answers) == ["ABSENT"] * 3
    assert answers[0].reason.startswith("setup failed: FileNotFoundError: ")


@pytest.mark.parametrize(
    ("main", "reason"),
    [
        ("import nowhere", "import failed: ModuleNotFoundError: No module named 'nowhere'"),
        ("def :", "import failed: SyntaxError: "),
        ("import sys; sys.exit(4)", "import failed: SystemExit: 4"),
        ("import os; os._exit(4)", "import failed: the process exited with code 4"),
        ("import os; os.kill(os.getpid(), 11)", "import failed: the process died of SIGSEGV"),
        ("class Model: pass", "import failed: LookupError: no class inherits from tracker.T"),
    ],
)
def test_a_model_that_cannot_be_imported_is_absent_every_time(
    ask_models, write_model, main, reason
):
    model = write_model(main=main)
    for _ in range(3):
        answers = ask_models(model)
        assert outcomes(answers) == ["ABSENT"] * 3
        assert answers[0].reason.startswith(reason)


def test_a_model_without_files_is_absent(ask_models, write_model):
    model = write_model()
    (model.directory / "main.py").unlink()
    nowhere = dataclasses.replace(model, directory=None)
    answers = ask_models(model, nowhere)
    assert outcomes(answers) == ["ABSENT"] * 6
    assert "no main.py in" in answers[0].reason


def test_the_model_may_stand_in_another_module_of_its_directory(ask_models, write_model):
    model = write_model(main="x = 1")
    (model.directory / "strategy.py").write_text(
        "from tracker import TrackerBase\n"
        "class Best(TrackerBase):\n"
        "    def predict(self, k, step): return 'best'\n"
    )
    assert ask_models.outputs(model) == ["best"] * 3


@pytest.mark.parametrize(("module", "taken"), [("base", "common"), ("shared", "mine")])
def test_of_several_models_the_one_is_taken_that_the_published_runner_takes(
    ask_models, write_model, module, taken
):
    model = write_model(
        main=f"""
        from tracker import TrackerBase
        import {module}
        class Mine({module}.Common):
            def predict(self, k, step): return "mine"
        """
    )
    (model.directory / f"{module}.py").write_text(
        "from tracker import TrackerBase\nclass Common(TrackerBase):\n"
        "    def predict(self, k, step): return 'common'\n"
    )
    assert ask_models.outputs(model) == [taken] * 3


def test_a_module_that_cannot_be_imported_is_passed_over(ask_models, write_model):
    model = write_model(predict="return 'main'")
    (model.directory / "aside.py").write_text("import nothing_of_that_name\n")
    assert ask_models.outputs(model) == ["main"] * 3


def test_a_class_of_the_same_name_from_elsewhere_is_no_base_class(ask_models, write_model):
    model = write_model(
        main="from elsewhere.tracker import TrackerBase\nclass M(TrackerBase): pass"
    )
    (model.directory / "elsewhere").mkdir()
    (model.directory / "elsewhere" / "__init__.py").touch()
    (model.directory / "elsewhere" / "tracker.py").write_text("class TrackerBase: pass\n")
    reason = "import failed: LookupError: no class inherits from tracker.TrackerBase"
    assert ask_models.outputs(model) == [reason] * 3


def test_a_method_is_given_the_keywords_that_it_names(tmp_path, write_model, make_ask):
    main = """
    from tracker import TrackerBase
    class Few(TrackerBase):
        def tick(self, payload):
            self.told = payload
        def predict(self, k):
            return [self.told, k]
    """
    shape = CallShape(tick_argument="payload", tick_facts={"me": "model_id"})
    logs = tmp_path / "logs"
    with ReplayModels(
        base_class="tracker.TrackerBase", lodging=OPEN, log_dir=logs, call=shape
    ) as models:
        [(_, answers)] = models.ask_each([(make_ask(rounds=1), [write_model(main=main)])])
    assert [answer.output for answer in answers] == ["[0, 0]"]


def test_outcomes_are_those_of_the_door(ask_models, write_model):
    assert all(isinstance(each.outcome, Outcome) for each in ask_models(write_model()))
