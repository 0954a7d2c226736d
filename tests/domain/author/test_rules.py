import itertools
import json
import math
import sys
import textwrap
from datetime import UTC, datetime

import pandas as pd
import pytest

from coordinator_pipelines.domain.author.rules import FeedContext, load_rules
from coordinator_pipelines.domain.doors.feed import as_records
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import CallableError
from tests.specs import changed

SCORE = """
def score(prediction, ground_truth):
    return {"value": prediction["p_up"], "success": True, "failed_reason": None}
"""
numbers = itertools.count()


@pytest.fixture
def author(tmp_path, monkeypatch):
    """Rules of a challenge whose callables are functions of one module with the given source."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(source="", changes=None, **callables):
        module = f"authors_module_{next(numbers)}"
        (tmp_path / f"{module}.py").write_text(SCORE + textwrap.dedent(source))
        paths = {key: f"{module}:{name}" for key, name in callables.items()}
        paths.setdefault("SCORING_FUNCTION", f"{module}:score")
        return load_rules(checked_challenge(changed({"callables": paths, **(changes or {})})))

    return load


@pytest.fixture
def config():
    return checked_challenge(changed({})).configs[0]


def context(prices=()):
    records = as_records(
        {
            "subject": ["BTCUSDT"] * len(prices),
            "ended_at": pd.to_datetime([60 * i for i in range(len(prices))], unit="s", utc=True),
            **{name: list(prices) for name in ("open", "high", "low", "close", "volume")},
            "source": ["test"] * len(prices),
        }
    )
    return FeedContext(datetime(2026, 11, 1, tzinfo=UTC), None, {"BTC": records})


REFUSED = [
    ("", "no_such", "has no 'no_such'"),
    ("score_it = 3", "score_it", "is not callable, but a int"),
    (
        "def s(a, b): ...",
        "s",
        "must start with parameters (prediction, ground_truth), found (a, b)",
    ),
    ("def s(ground_truth, prediction): ...", "s", "found (ground_truth, prediction)"),
    ("def s(prediction): ...", "s", "found (prediction)"),
    ("def s(*args): ...", "s", "found (*args)"),
    ("def s(*, prediction, ground_truth): ...", "s", "must start with parameters"),
    ("def s(frame): ...", "s", "found (frame)"),
    (
        "def s(prediction, ground_truth, model): ...",
        "s",
        "needs a default value for its parameter 'model'",
    ),
    ("def s(prediction, ground_truth, *, model): ...", "s", "its parameter 'model'"),
    ("def s(prediction, ground_truth, context): ...", "s", "its parameter 'context'"),
    ("async def s(prediction, ground_truth): ...", "s", "is asynchronous"),
    ("def s(prediction, ground_truth): yield 1", "s", "is a generator"),
    ("s = dict", "s", "has parameters unknown"),
]


@pytest.mark.parametrize(("source", "name", "expected"), REFUSED)
def test_a_callable_that_cannot_be_used_is_refused_by_key_path_and_reason(
    author, source, name, expected
):
    with pytest.raises(CallableError) as caught:
        author(source, SCORING_FUNCTION=name)
    assert str(caught.value).startswith("SCORING_FUNCTION: '")
    assert f":{name}'" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused_with_the_cause(author, source, cause):
    with pytest.raises(CallableError) as caught:
        author(source)
    assert str(caught.value).startswith("SCORING_FUNCTION: the module of 'authors_module_")
    assert cause in str(caught.value)


def test_a_module_that_does_not_exist_is_refused():
    challenge = checked_challenge(changed({"callables.SCORING_FUNCTION": "no.such:score"}))
    with pytest.raises(CallableError, match=r"'no\.such:score' cannot be imported"):
        load_rules(challenge)


def test_a_challenge_must_say_how_it_scores():
    with pytest.raises(CallableError, match="SCORING_FUNCTION: not configured"):
        load_rules(checked_challenge(changed({"callables": {}})))


def test_parsing_a_spec_imports_nothing():
    assert "antigravity" not in sys.modules
    checked_challenge(changed({"callables.SCORING_FUNCTION": "antigravity:score"}))
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "source",
    [
        "def s(prediction, ground_truth, verbose=False, **more): return {'value': 1.0}",
        "class Scorer:\n    def __call__(self, prediction, ground_truth): return {'value': 1.0}\n"
        "s = Scorer()",
        "from functools import partial\n"
        "def f(prediction, ground_truth, scale): return {'value': scale}\n"
        "s = partial(f, scale=1.0)",
        "class Scores:\n    @staticmethod\n"
        "    def one(prediction, ground_truth): return {'value': 1.0}\ns = Scores.one",
    ],
)
def test_any_callable_with_the_right_parameters_scores(author, source):
    scored = author(source, SCORING_FUNCTION="s").score(
        pd.DataFrame({"output": [{"p_up": 0.5}], "ground_truth": [{}]})
    )
    assert scored["value"].tolist() == [1.0]


def test_an_attribute_of_a_class_can_be_named(author):
    source = """
    class Scores:
        @staticmethod
        def half(prediction, ground_truth):
            return {"value": 0.5}
    """
    scorer = author(source, SCORING_FUNCTION="Scores.half").scorer
    assert scorer.partition("+")[0].endswith(":Scores.half@1")


def test_a_batch_wise_scorer_takes_a_frame_and_carries_its_version(author):
    source = """
    from coordinator_pipelines.domain.author.scorer import batch_scorer

    @batch_scorer
    def brier(frame):
        p = frame["output"].map(lambda output: output["p_up"])
        return frame[[]].assign(value=1 - (p - frame["outcome"]) ** 2)
    brier.version = 2
    """
    rules = author(source, SCORING_FUNCTION="brier")
    frame = pd.DataFrame({"output": [{"p_up": 0.5}], "ground_truth": [{}], "outcome": [1.0]})
    assert rules.score(frame)["value"].tolist() == [0.75]
    assert rules.scorer.partition("+")[0].endswith(":brier@2")


def test_a_batch_wise_scorer_with_other_parameters_is_refused(author):
    source = """
    from coordinator_pipelines.domain.author.scorer import batch_scorer

    @batch_scorer
    def brier(rows):
        return rows
    """
    with pytest.raises(CallableError, match=r"must start with parameters \(frame\), found \(rows"):
        author(source, SCORING_FUNCTION="brier")


def test_the_built_in_input_is_prices_by_asset_in_unix_seconds(author):
    data = author().told(context([100.0, 101.0])).input
    assert data == {"BTC": [[0, 100.0], [60, 101.0]]}
    assert json.loads(json.dumps(data)) == data


def test_without_anything_new_there_is_no_input(author):
    assert author().told(context()).input is None


def test_an_input_builder_gets_the_raw_input(author):
    source = "def build(raw_input): return {'last': raw_input['BTC'][-1][1]}"
    rules = author(source, INFERENCE_INPUT_BUILDER="build")
    assert rules.told(context([100.0, 101.0])).input == {"last": 101.0}
    assert rules.told(context()).input is None


def test_a_provider_that_takes_the_context_sees_the_feed_and_can_be_replayed(author):
    source = """
    def provide(now, context):
        return {"at": now.isoformat(), "n": len(context.records("BTC"))}
    """
    rules = author(source, RAW_INPUT_PROVIDER="provide")
    assert rules.told(context([1.0])).input == {"at": "2026-11-01T00:00:00+00:00", "n": 1}
    assert rules.not_replayable == ()


def test_a_provider_or_resolver_without_context_cannot_be_replayed(author):
    source = """
    def provide(now): return {"x": 1}
    def resolve(prediction): return {"y": 1}
    """
    rules = author(source, RAW_INPUT_PROVIDER="provide", GROUND_TRUTH_RESOLVER="resolve")
    assert rules.told(context()).input == {"x": 1}
    assert rules.not_replayable == ("RAW_INPUT_PROVIDER", "GROUND_TRUTH_RESOLVER")


def test_a_resolver_gets_the_prediction_and_may_leave_a_round_open(author):
    source = """
    def resolve(prediction, *, context):
        return {"n": len(context.prices("BTC"))} if prediction["known"] else None
    """
    resolve = author(source, GROUND_TRUTH_RESOLVER="resolve").resolve
    assert resolve({"known": True}, context([1.0, 2.0])) == {"n": 2}
    assert resolve({"known": False}, context()) is None


def test_the_built_in_scope_and_call_are_asset_horizon_step(author, config):
    rules = author()
    scope = rules.scope(config, {})
    assert scope == {"scope_key": "btc-1m", "scope": {"asset": "BTC", "horizon": 60, "step": 60}}
    assert rules.call(config, {}, scope) == {"args": ["BTC", 60, 60], "kwargs": {}}
    scope["scope"]["asset"] = "ETH"
    assert rules.scope(config, {})["scope"]["asset"] == "BTC"


def test_scope_and_call_builders_get_the_config_as_a_mapping(author, config):
    source = """
    def scope(config, inference_input):
        return {"scope_key": config["scope_key"], "scope": {**config["scope_template"], "n": 1}}
    def call(config, inference_input, scope):
        return {"args": [scope["scope"]["n"]], "kwargs": {"key": config["id"]}}
    """
    rules = author(source, PREDICTION_SCOPE_BUILDER="scope", PREDICT_CALL_BUILDER="call")
    called = rules.call(config, {}, rules.scope(config, {}))
    assert called == {"args": [1], "kwargs": {"key": config.id}}


def test_any_object_with_finite_numbers_is_valid_without_a_validator(author):
    assert author().validate({"p_up": 0.5, "why": ["x", None]}) == {
        "p_up": 0.5,
        "why": ["x", None],
    }


def test_an_output_that_is_no_object_becomes_a_result(author):
    assert author().validate(0.25) == {"result": 0.25}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"p_up": math.nan}, "p_up is NaN"),
        (math.inf, "result is infinite"),
        ({"densities": [{"scale": -math.inf}]}, r"densities\[0\].scale is infinite"),
    ],
)
@pytest.mark.parametrize("validator", [None, "keep", "same"])
def test_numbers_that_are_not_finite_are_invalid_whatever_the_validator(
    author, output, expected, validator
):
    source = """
    def keep(inference_output): return None
    def same(inference_output): return inference_output
    """
    callables = {"INFERENCE_OUTPUT_VALIDATOR": validator} if validator else {}
    with pytest.raises(ValueError, match=expected):
        author(source, **callables).validate(output)


def test_an_output_nested_too_deeply_is_invalid(author):
    output = []
    for _ in range(100_000):
        output = [output]
    with pytest.raises(ValueError, match="nested more than 32 levels"):
        author().validate(output)


def test_a_validator_may_change_the_output_but_not_the_raw_one(author):
    source = """
    def clip(inference_output):
        inference_output["p_up"] = min(inference_output["p_up"], 1.0)
        return {"p_up": inference_output["p_up"]}
    """
    raw = {"p_up": 7.0, "note": "x"}
    assert author(source, INFERENCE_OUTPUT_VALIDATOR="clip").validate(raw) == {"p_up": 1.0}
    assert raw == {"p_up": 7.0, "note": "x"}


def test_a_validator_that_returns_no_object_makes_the_output_invalid(author):
    rules = author("def v(inference_output): return 1", INFERENCE_OUTPUT_VALIDATOR="v")
    with pytest.raises(ValueError, match="INFERENCE_OUTPUT_VALIDATOR returned a int"):
        rules.validate({})


WRONG_ANSWERS = [
    ("RAW_INPUT_PROVIDER", "now", "5", "returned a int, not an object"),
    ("RAW_INPUT_PROVIDER", "now", "{'x': float('nan')}", "not storable JSON: x is NaN"),
    ("INFERENCE_INPUT_BUILDER", "raw_input", "[]", "returned a list, not an object"),
    ("INFERENCE_INPUT_BUILDER", "raw_input", "1 / 0", "raised ZeroDivisionError"),
    ("PREDICTION_SCOPE_BUILDER", "config, inference_input", "{'scope': {}}", "'scope_key'"),
    (
        "PREDICTION_SCOPE_BUILDER",
        "config, inference_input",
        "{'scope_key': 'a', 'scope': 3}",
        "returned a int as 'scope', not a dict",
    ),
    ("PREDICT_CALL_BUILDER", "config, inference_input, scope", "{'args': []}", "without 'kwargs'"),
    (
        "PREDICT_CALL_BUILDER",
        "config, inference_input, scope",
        "{'args': [{1}], 'kwargs': {}}",
        "args[0] is a set",
    ),
    ("GROUND_TRUTH_RESOLVER", "prediction", "'up'", "returned a str, not an object"),
]


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_a_wrong_answer_of_the_authors_code_names_the_key(author, config, case):
    key, parameters, value, expected = case
    rules = author(f"def f({parameters}): return {value}", **{key: "f"})
    asked = {
        "RAW_INPUT_PROVIDER": lambda: rules.told(context([1.0])).input,
        "INFERENCE_INPUT_BUILDER": lambda: rules.told(context([1.0])).input,
        "PREDICTION_SCOPE_BUILDER": lambda: rules.scope(config, {}),
        "PREDICT_CALL_BUILDER": lambda: rules.call(config, {}, {"scope_key": "a", "scope": {}}),
        "GROUND_TRUTH_RESOLVER": lambda: rules.resolve({}, context()),
    }
    with pytest.raises(CallableError) as caught:
        asked[key]()
    assert str(caught.value).startswith(f"{key} ")
    assert expected in str(caught.value)


def test_the_authors_boards_are_handed_through(author):
    source = """
    def aggregate(scored_predictions, models):
        return [{"model_id": "a", "score": {"metrics": {"m": None}}}]
    def rank(entries):
        return [{**entry, "rank": 1} for entry in entries]
    """
    rules = author(source, MODEL_SCORE_AGGREGATOR="aggregate", LEADERBOARD_RANKER="rank")
    entries = rules.aggregate([], [])
    assert rules.rank(entries) == [{**entries[0], "rank": 1}]


def test_what_the_author_left_out_is_the_engines_own(author):
    rules = author()
    assert (rules.resolve, rules.aggregate, rules.rank) == (None, None, None)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("[]", "returned a list, not an object"),
        ("{'schema_version': '1', 'metrics_widgets': []}", "without 'leaderboard_columns'"),
        ("{'leaderboard_columns': [], 'metrics_widgets': []}", "without 'schema_version'"),
        (
            "{'schema_version': '1', 'leaderboard_columns': {}, 'metrics_widgets': []}",
            "returned a dict as 'leaderboard_columns', not a list",
        ),
    ],
)
def test_a_report_schema_of_the_wrong_shape_is_refused_at_load(author, returned, expected):
    with pytest.raises(CallableError, match=r"^REPORT_SCHEMA_PROVIDER ") as caught:
        author(f"def schema(): return {returned}", REPORT_SCHEMA_PROVIDER="schema")
    assert expected in str(caught.value)


def test_a_report_schema_of_the_right_shape_is_accepted(author):
    schema = "{'schema_version': '1', 'leaderboard_columns': [], 'metrics_widgets': []}"
    author(f"def schema(): return {schema}", REPORT_SCHEMA_PROVIDER="schema")


BY_RECORD = {"model_interface": {"tick_per": "record"}}


def test_a_tick_holds_all_that_is_new_or_one_record(author):
    two = context([5.0, 6.0])
    two.frames["ADA"] = two.frames["BTC"]
    whole = {asset: [[0, 5.0], [60, 6.0]] for asset in ("BTC", "ADA")}
    assert author().told(two) == ((whole,), whole)
    assert author().told(context()) == ((), None)
    points = [(asset, point) for point in ([0, 5.0], [60, 6.0]) for asset in ("ADA", "BTC")]
    one_by_one = tuple({asset: [point]} for asset, point in points)
    assert author(changes=BY_RECORD).told(two) == (one_by_one, list(one_by_one))
    assert author(changes=BY_RECORD).told(context()) == ((), None)


PAYLOAD = """
    def provide(now, context):
        return {asset: context.prices(asset) for asset in context.frames if context.prices(asset)}

    def build(raw_input):
        [[(time, price)]] = raw_input.values()
        return None if price == 6.0 else {"time": time, "price": price}
"""


@pytest.mark.parametrize("provider", [{}, {"RAW_INPUT_PROVIDER": "provide"}])
def test_an_input_is_built_of_each_record_and_none_is_told_nothing(author, provider):
    rules = author(PAYLOAD, BY_RECORD, INFERENCE_INPUT_BUILDER="build", **provider)
    ticks, _ = rules.told(context([5.0, 6.0, 7.0]))
    assert ticks == ({"time": 0, "price": 5.0}, {"time": 120, "price": 7.0})


def test_records_come_in_one_order_whoever_provides_them(author):
    source = """
    def provide(now, context):
        return {asset: [list(point) for point in context.prices(asset)]
                for asset in context.frames if context.prices(asset)}
    """
    three = context([5.0, 6.0, 7.0])
    three.frames["ADA"] = three.frames["BTC"].iloc[1:]
    own = author(source, BY_RECORD, RAW_INPUT_PROVIDER="provide").told(three)
    assert own == author(changes=BY_RECORD).told(three)
    assert [[*data] for data in own.ticks] == [["BTC"], ["ADA"], ["BTC"], ["ADA"], ["BTC"]]


def test_what_a_provider_brings_by_itself_cannot_be_told_record_by_record(author):
    with pytest.raises(CallableError, match="RAW_INPUT_PROVIDER does its own I/O, so what it"):
        author("def provide(now): return {}", BY_RECORD, RAW_INPUT_PROVIDER="provide")
