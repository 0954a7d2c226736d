"""The hash of a stored answer: the same however a database writes it, another after a change."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.prediction_batch.answer import prediction_rows
from coordinator_pipelines.domain.prediction_batch.answer_hash import (
    HASHED_COLUMNS,
    INSTANTS,
    answer_hashes,
    is_unchanged,
)
from coordinator_pipelines.domain.prediction_batch.prediction_batch import prediction_frame
from tests.domain.prediction_batch.test_answer import answer
from tests.domain.score.scoring_cases import CONFIG, challenge, instant, predictions

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab ,:é"), inner),
    max_leaves=8,
)  # fmt: skip


def stored(cells):
    return cells.assign(answer_hash=answer_hashes(cells))


def as_postgresql_does(value):
    """The text of a document as JSONB returns it: other keys first, numbers without exponents."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        items = [f"{json.dumps(key)}: {as_postgresql_does(value[key])}" for key in keys]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_postgresql_does, value))}]"
    if isinstance(value, float):
        return np.format_float_positional(value + 0.0, trim="-" if abs(value) >= 1e16 else "0")
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=60)
@given(DOCUMENTS, DOCUMENTS)
def test_the_hash_is_of_what_was_answered_and_not_of_how_a_database_writes_it(output, raw):
    cells = predictions((0, "a", 0.5)).assign(
        output_json=[json.dumps(output)], raw_output_json=[json.dumps(raw)]
    )
    read = stored(cells).assign(
        output_json=as_postgresql_does(output), raw_output_json=as_postgresql_does(raw)
    )
    assert is_unchanged(read).all()


CHANGES = {
    "version": 2,
    "performed_at": instant(5),
    "resolvable_at": instant(5),
    "output_json": '{"p_up": 0.6}',
    "raw_output_json": '{"p_up": 0.5}',
}


@pytest.mark.parametrize("column", HASHED_COLUMNS)
def test_a_change_of_any_column_that_a_score_depends_on_is_told(column):
    cells = stored(predictions((0, "a", 0.5), (1, "b", 0.5)))
    assert is_unchanged(cells).tolist() == [True, True]
    changed = cells[column].astype(object)
    changed.iloc[1] = CHANGES.get(column, "other")
    if column in INSTANTS:
        changed = changed.astype(cells[column].dtype)
    assert is_unchanged(cells.assign(**{column: changed})).tolist() == [True, False]


@pytest.mark.parametrize("text", ["", "{", "[" * 5_000, "7" * 400])
def test_what_was_put_in_by_hand_does_not_fit_whatever_it_is(text):
    cells = stored(predictions((0, "a", 0.5)))
    assert not is_unchanged(cells.assign(output_json=text)).any()
    assert not is_unchanged(cells.assign(answer_hash=None)).any()


def test_a_row_of_other_types_does_not_fit_and_stops_nobody():
    cells = stored(predictions((0, "a", 0.5), (1, "b", 0.5)))
    cells["output_json"] = [cells["output_json"][0], 0.5]
    assert is_unchanged(cells).tolist() == [True, False]


def test_no_answers_have_no_hashes():
    none = stored(predictions())
    assert none["answer_hash"].tolist() == []
    assert is_unchanged(none).tolist() == []


@pytest.mark.parametrize(
    "output",
    [
        '{"p_up": 0.5}',
        "1" + "0" * 400,
        '["nul \\u0000 and half \\ud800"]',
        "[" * 900 + "]" * 900,
        "NaN",
    ],
)
def test_whatever_a_model_answers_its_row_fits(output):
    def refuse(value):
        raise ValueError(f"no, with half a \ud800: {str(value)[:40]}")

    for validate in (refuse, lambda value: value):
        rows = prediction_rows([answer(output)], validate).assign(
            prediction_config_id=CONFIG, performed_at=instant(0)
        )
        rows["performed_at"] = rows["performed_at"].astype("datetime64[us, UTC]")
        cells = rows[["prediction_config_id", "performed_at", "model_id"]]
        frame = prediction_frame(
            challenge(), Mode.REPLAY, cells.assign(version=1, code_hash="c0de"), rows
        )
        assert is_unchanged(frame).all()
