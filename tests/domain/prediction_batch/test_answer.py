"""What came back, made into cells: parsed, judged by the author's validator, never trusted."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.models import Answer, Outcome
from coordinator_pipelines.domain.prediction_batch.answer import prediction_rows

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def answer(output, outcome=Outcome.SUCCESS, reason=None):
    return Answer("model", "config", NOW, outcome, output, reason, 1.5)


def accept(output):
    return {"kept": output}


def refuse(output):
    raise ValueError(f"no {output}")


def row(output, validate=accept, **options):
    return prediction_rows([answer(output, **options)], validate).iloc[0]


def test_a_valid_answer_keeps_what_the_validator_made_of_it_and_what_was_returned():
    cell = row('{"p_up": 0.5}')
    assert (cell["status"], cell["runner_status"]) == ("SUCCESS", "SUCCESS")
    assert json.loads(cell["output_json"]) == {"kept": {"p_up": 0.5}}
    assert json.loads(cell["raw_output_json"]) == {"p_up": 0.5}
    assert cell["failed_reason"] is None


def test_an_answer_that_the_validator_leaves_alone_is_stored_once():
    cell = row('{"p_up": 0.5}', validate=lambda output: output)
    assert cell["raw_output_json"] is None


def test_a_refused_answer_is_failed_with_the_reason_and_the_raw_output():
    cell = row("0.7", validate=refuse)
    assert (cell["status"], cell["runner_status"]) == ("FAILED", "SUCCESS")
    assert cell["failed_reason"] == "invalid output: no 0.7"
    assert cell["output_json"] is None
    assert cell["raw_output_json"] == "0.7"


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, '{"a": }'])
def test_what_is_no_json_is_failed_and_stored_nowhere(text):
    cell = row(text)
    assert cell["status"] == "FAILED"
    assert cell["failed_reason"].startswith("the output cannot be read")
    assert cell["output_json"] is cell["raw_output_json"] is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_never_reach_storage(number):
    cell = row(f'{{"p_up": [{number}]}}', validate=lambda output: output)
    assert cell["status"] == "FAILED"
    assert json.loads(cell["raw_output_json"]) == {"p_up": [str(float(number))]}


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.SUCCESS])
def test_the_runners_verdict_stands_and_nobody_validates_it(outcome):
    cell = row(None, validate=refuse, outcome=outcome, reason="because")
    assert (cell["status"], cell["runner_status"]) == (outcome.value, outcome.value)
    assert cell["failed_reason"] == "because"


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_whatever_is_returned_becomes_a_storable_cell(value):
    cell = row(json.dumps(value))
    for stored in (cell["output_json"], cell["raw_output_json"]):
        if stored is not None:
            json.loads(stored, parse_constant=pytest.fail)


def test_no_answers_are_a_frame_with_columns():
    frame = prediction_rows([], accept)
    assert list(frame.columns)[:3] == ["prediction_config_id", "performed_at", "model_id"]
    assert len(frame) == 0
