"""An ask depends on nothing but itself: not on other asks, their order, or what runs beside it."""

import dataclasses
import json
from itertools import permutations

import pytest

from coordinator_pipelines.models.replay.replay_models import ReplayModels
from tests.models.replay.conftest import OPEN

RANDOM = (
    "import numpy\nreturn [random.random(), float(numpy.random.random()), self.seen, hash('a')]"
)


def without_times(answers):
    return [dataclasses.replace(answer, exec_time_ms=None) for answer in answers]


def run(tmp_path, asks, members, **options):
    with ReplayModels(
        base_class="tracker.TrackerBase", lodging=OPEN, log_dir=tmp_path / "l", **options
    ) as models:
        return [
            (ask.name, without_times(answers))
            for ask, answers in models.ask_each((ask, members) for ask in asks)
        ]


def test_module_state_never_crosses_asks(ask_models, write_model, make_ask):
    model = write_model(
        before="count = 0", predict="global count\ncount += 1\nreturn [count, os.getpid()]"
    )
    first, second = (ask_models.outputs(model, make_ask(name)) for name in ("a", "b"))
    assert [count for count, _ in first] == [count for count, _ in second] == [1, 2, 3]
    assert first[0][1] != second[0][1]


def test_the_model_is_imported_once(ask_models, write_model, make_ask, tmp_path):
    mark = tmp_path / "imports"
    model = write_model(before=f"open({str(mark)!r}, 'a').write('x')")
    for name in ("a", "b", "c"):
        ask_models(model, ask=make_ask(name))
    assert mark.read_text() == "x"


def test_files_in_the_private_directory_never_cross_asks(ask_models, write_model, make_ask):
    predict = """
    import tempfile
    found = os.listdir(os.environ['HOME'])
    tempfile.mkdtemp(); tempfile.mkstemp()
    return len(found)
    """
    model = write_model(predict=predict)
    for name in ("a", "b"):
        assert ask_models.outputs(model, make_ask(name)) == [0, 2, 4]


def test_generators_are_seeded_by_model_and_ask(ask_models, write_model, make_ask):
    one, other = (write_model(name, before="import numpy", predict=RANDOM) for name in "ab")
    draws = [
        json.dumps(ask_models.outputs(model, make_ask(name)))
        for model in (one, other)
        for name in ("x", "y")
    ]
    assert len(set(draws)) == 4
    assert json.dumps(ask_models.outputs(one, make_ask("x"))) == draws[0]


@pytest.mark.slow
def test_two_runs_orders_and_look_aheads_give_the_same_answers(tmp_path, write_model, make_ask):
    members = [
        write_model("random", before="import numpy", predict=RANDOM),
        write_model("dies", predict="if k == 1: os._exit(1)\nreturn random.random()"),
        write_model("none", predict="return None if k else {'k': k}"),
    ]
    asks = [make_ask(name) for name in ("x", "y", "z")]
    expected = run(tmp_path, asks, members)
    for ahead, order in enumerate(permutations(asks)):
        answers = run(tmp_path, order, members, ahead=ahead)
        assert [name for name, _ in answers] == [ask.name for ask in order]
        assert sorted(answers, key=lambda each: each[0]) == expected


def test_members_may_change_from_ask_to_ask(models, write_model, make_ask):
    a, b = write_model("a"), write_model("b")
    asks = [(make_ask("x"), [a, b]), (make_ask("y"), []), (make_ask("z"), [b])]
    ids = [[answer.model_id for answer in answers] for _, answers in models.ask_each(asks)]
    assert ids == [["a"] * 3 + ["b"] * 3, [], ["b"] * 3]


def test_at_most_the_agreed_number_of_asks_is_taken_ahead(tmp_path, write_model, make_ask):
    taken = []

    def asks():
        for number in range(6):
            taken.append(number)
            yield make_ask(str(number)), [model]

    model = write_model()
    with ReplayModels(
        base_class="tracker.TrackerBase", lodging=OPEN, log_dir=tmp_path, ahead=2
    ) as models:
        answered = models.ask_each(asks())
        for number, (ask, _) in enumerate(answered):
            assert ask.name == str(number)
            assert len(taken) <= number + 3
    assert taken == list(range(6))


def test_an_abandoned_iteration_leaves_the_models_usable(models, write_model, make_ask):
    model = write_model()
    for _ in models.ask_each((make_ask(str(number)), [model]) for number in range(5)):
        break
    [(_, answers)] = models.ask_each([(make_ask(), [model])])
    assert [answer.output for answer in answers] == ['{"p_up": 0.5}'] * 3


def test_new_code_under_the_same_id_gets_a_process_of_its_own(ask_models, write_model):
    model = write_model(predict="return 'old'")
    assert ask_models.outputs(model) == ["old"] * 3
    main = model.directory / "main.py"
    main.write_text(main.read_text().replace("old", "new"))
    assert ask_models.outputs(dataclasses.replace(model, code_hash="other")) == ["new"] * 3
