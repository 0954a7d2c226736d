import json
import math
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.rounds import feature_table
from coordinator_pipelines.domain.rounds.feature_table import FeatureTable
from coordinator_pipelines.domain.values.errors import TableError
from coordinator_pipelines.table_file import read_table
from tests.support.tournament import write_csv

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
IDS = st.lists(
    st.text("abcdefgh-0123456789", min_size=1, max_size=8), min_size=1, max_size=8, unique=True
)


@st.composite
def tables(draw: Callable[..., object]) -> pd.DataFrame:
    ids = draw(IDS)
    column = st.lists(st.none() | NUMBERS, min_size=len(ids), max_size=len(ids))
    names = draw(st.lists(st.sampled_from(["x", "y", "z z"]), min_size=1, unique=True))
    return pd.DataFrame({"id": ids} | {name: draw(column) for name in names}, dtype="object")


@settings(max_examples=50)
@given(tables())
def test_a_table_is_the_same_after_it_was_stored_and_after_it_was_a_file(frame):
    table = FeatureTable.of(frame)
    assert FeatureTable.from_json(table.as_json()) == table
    written = frame.astype("object").where(frame.notna(), "")
    assert FeatureTable.of(written.map(str)) == table


@settings(max_examples=50)
@given(tables(), st.data())
def test_a_cell_that_is_no_finite_number_is_named(frame, data):
    row = data.draw(st.integers(0, len(frame) - 1))
    name = data.draw(st.sampled_from(list(frame.columns[1:])))
    wrong = data.draw(st.sampled_from(["n/a", "nan", "inf", math.inf, True, "1,5", [1.0], "0x1"]))
    frame.at[row, name] = wrong
    with pytest.raises(TableError, match=f"^row {row + 1} ") as refused:
        FeatureTable.of(frame)
    assert f"(id {frame['id'][row]!r}), column {name!r}: not a finite number" in str(refused.value)


@settings(max_examples=50)
@given(IDS, st.data())
def test_an_answer_is_taken_in_the_order_of_rows_or_by_id(ids, data):
    table = FeatureTable.of(pd.DataFrame({"id": ids, "x": 1.0}))
    values = data.draw(st.lists(NUMBERS, min_size=len(ids), max_size=len(ids)))
    by_id = dict(zip(ids, values, strict=True))
    shuffled = dict(data.draw(st.permutations(list(by_id.items()))))
    assert list(table.values(values).items()) == list(by_id.items())
    assert list(table.values(shuffled).items()) == list(by_id.items())
    frame = pd.DataFrame({"id": list(shuffled), "truth": list(shuffled.values())})
    assert list(table.truths(frame).items()) == list(by_id.items())


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.text(max_size=2), inner, max_size=3)))  # fmt: skip
def test_any_other_answer_is_refused(answer):
    table = FeatureTable.of(pd.DataFrame({"id": ["a", "b"], "x": 1.0}))
    try:
        values = table.values(answer)
    except TableError:
        return
    assert list(values) == ["a", "b"]
    assert all(math.isfinite(value) for value in values.values())
    json.dumps(values, allow_nan=False)


WRONG_FEATURES = {
    "x,y\n1,2\n": "there is no column 'id'; found (x, y)",
    "id\na\n": "the table has no column but 'id'",
    "id,x\n": "the table has 0 rows",
    "id,x,x\na,1,2\n": "column 'x' is there twice",
    "id,,x\na,1,2\n": "column 2 has no name",
    "id,x\na,1\n,2\n": "row 2, column 'id': must be a text",
    "id,x\na,1\nb,2\na,3\n": "row 3, column 'id': 'a' is in row 1 already",
    "id,x\na,1\nb\n": "row 2 has 1 cells, not 2",
    "id,x\na,1\nb,2,3\n": "row 2 has 3 cells, not 2",
    "": "the file is empty",
    'id,x\na,"1\n': "the file cannot be read",
    f"id,x\n{'a' * 101},1\n": "at most",
}


@pytest.mark.parametrize("text", WRONG_FEATURES)
def test_a_wrong_feature_file_is_refused_with_what_is_wrong(tmp_path, text):
    path = tmp_path / "features.csv"
    path.write_text(text)
    expected = WRONG_FEATURES[text]
    with pytest.raises(TableError) as refused:
        FeatureTable.of(read_table(path))
    assert expected in str(refused.value) or "of 1 to 100 printable" in str(refused.value)


WRONG_TRUTHS = [
    ({"id": ["a", "b"], "value": [1, 2]}, "exactly the columns id and truth, found (id, value)"),
    ({"id": ["a"], "truth": [1]}, "row 'b' missing"),
    ({"id": ["a", "b", "c"], "truth": [1, 2, 3]}, "unknown row 'c'"),
    ({"id": ["a", "b"], "truth": [1, ""]}, "column 'truth' has no value in row 'b'"),
    ({"id": ["a", "b"], "truth": [1, "up"]}, "row 2 (id 'b'), column 'truth': not a finite"),
    ({"id": ["a", "a"], "truth": [1, 1]}, "row 2, column 'id': 'a' is in row 1 already"),
]


@pytest.mark.parametrize(("columns", "reason"), WRONG_TRUTHS)
def test_a_wrong_truth_is_refused_with_what_is_wrong(columns, reason):
    table = FeatureTable.of(pd.DataFrame({"id": ["a", "b"], "x": 1.0}))
    with pytest.raises(TableError) as refused:
        table.truths(pd.DataFrame(columns))
    assert reason in str(refused.value)


def test_a_parquet_file_says_the_same_as_a_csv_file(tmp_path):
    frame = pd.DataFrame({"id": [1, 2, 3], "x": [0.1, None, 3.0], "n": [1, 2, 3]})
    frame.to_parquet(tmp_path / "features.parquet")
    write_csv(tmp_path / "features.csv", frame.astype("object").where(frame.notna(), ""))
    read = [FeatureTable.of(read_table(tmp_path / f"features.{end}")) for end in ("csv", "parquet")]
    assert read[0] == read[1]
    assert read[0].content_hash == read[1].content_hash
    assert read[0].ids == ("1", "2", "3")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("features.xlsx", "must end in .csv, .parquet"), ("none.csv", "there is no such file")],
)
def test_a_file_that_is_no_table_is_named(tmp_path, name, reason):
    with pytest.raises(TableError, match=reason) as refused:
        read_table(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / name))


def test_a_table_too_large_for_one_message_is_refused():
    rows = feature_table.MOST_BYTES // 40
    frame = pd.DataFrame({"id": range(rows)} | {f"x{i}": 0.123456789 for i in range(4)})
    with pytest.raises(TableError, match="bytes as JSON, at most 3000000"):
        FeatureTable.of(frame)
