"""From a place on the board back to the feed records, and files of everything."""

import csv
import io
import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from tests.api.conftest import execute, micros, serving

ROUND = "2025-01-01T02:07:00Z"


def explain(client, model="follower", asked=ROUND, **more):
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return client.get(f"/reports/explain?model={model}&round={asked}{extra}")


def test_the_chain_leads_from_the_rank_to_the_feed_records(client):
    told = explain(client).json()
    rows = {row["model_id"]: row for row in client.get("/reports/leaderboard").json()}
    assert told["board"]["entry"] == rows["follower"]
    assert {one["window"]: one["includes"] for one in told["windows"]} == {
        "short": True,
        "long": True,
    }
    (chain,) = told["chains"]
    assert chain["score"]["truth_version"] == chain["truth"]["version"] == 1
    assert chain["score"]["prediction_version"] == chain["prediction"]["version"]
    p_up, outcome = chain["prediction"]["output"]["p_up"], chain["truth"]["outcome"]
    assert chain["score"]["value"] == pytest.approx(1 - (p_up - outcome) ** 2)
    used = {one["role"]: one for one in chain["feed_records"] if one["used"]}
    assert used["entry"]["ended_at"] == ROUND
    assert used["resolved"]["ended_at"] == "2025-01-01T02:08:00Z"
    assert used["entry"]["close"] == chain["truth"]["entry_price"]
    assert used["resolved"]["close"] == chain["truth"]["resolved_price"]
    assert chain["round"]["status"] == "ASKED"
    assert chain["round"]["input"]


def test_a_window_that_does_not_hold_the_round_says_so(client):
    told = explain(client, as_of="2025-01-01T02:00:00Z").json()
    assert (told["board"], told["windows"]) == (None, [])
    early = explain(client, as_of="2025-01-01T02:15:00Z").json()
    assert all(one["includes"] for one in early["windows"])
    late = explain(client, asked="2025-01-01T02:20:00Z", as_of="2025-01-01T02:15:00Z").json()
    assert not any(one["includes"] for one in late["windows"])


def test_an_answer_is_withheld_until_its_round_is_resolved(copied):
    # The horizon has passed long ago, but no truth has come yet.
    since = micros(datetime(2025, 1, 1, 2, 7, tzinfo=UTC))
    execute(copied, f"DELETE FROM scores WHERE performed_at >= {since}")
    execute(copied, f"DELETE FROM ground_truths WHERE performed_at >= {since}")
    with serving(copied.challenge, copied.url) as client:
        (chain,) = explain(client).json()["chains"]
        assert chain["prediction"]["output"] is None
        assert chain["prediction"]["output_withheld"] is True
        table = exported(client, "predictions")
    by_instant = table.set_index("performed_at")["output_json"]
    assert by_instant["2025-01-01T02:06:00Z"].notna().any()
    assert by_instant["2025-01-01T02:07:00Z":].isna().all()


@pytest.mark.parametrize(
    ("model", "asked", "status", "said"),
    [
        ("nobody", ROUND, 404, "no model 'nobody'"),
        ("a%00b", ROUND, 404, "no model"),
        ("half", "2025-01-01T02:07:01Z", 404, "no prediction in the round"),
        ("half", "today", 422, "round"),
    ],
)
def test_what_is_not_there_is_said(client, model, asked, status, said):
    answer = explain(client, model, asked)
    assert answer.status_code == status
    assert said in answer.json()["message"]


@pytest.mark.parametrize("text", ["{", '{"a": "\\ud800"}', "[" * 20_000])
def test_a_malformed_document_costs_its_own_link_of_the_chain(copied, text):
    columns = {
        "rounds": ("scope_json", "input_json"),
        "ground_truths": ("payload_json",),
        "predictions": ("output_json",),
    }
    for table, names in columns.items():
        for name in names:
            execute(copied, f"UPDATE {table} SET {name} = ?", text)
    with serving(copied.challenge, copied.url) as client:
        answer = explain(client)
        assert answer.status_code == 200
        assert answer.headers["x-skipped-rows"] == "4"
        (chain,) = answer.json()["chains"]
        assert client.get("/models/follower").status_code == 200
    assert chain["round"]["input"] is chain["prediction"]["output"] is None
    assert chain["score"]["value"] is not None


def test_an_id_is_never_a_formula_in_a_spreadsheet(copied):
    execute(copied, "UPDATE predictions SET model_id = '=1+1' WHERE model_id = 'half'")
    with serving(copied.challenge, copied.url) as client:
        told = client.get("/reports/export/predictions").text
    assert ",'=1+1," in told
    assert ",=1+1," not in told


def exported(client, name, query="") -> pd.DataFrame:
    answer = client.get(f"/reports/export/{name}?{query}")
    assert answer.status_code == 200, answer.text
    return pd.read_csv(io.BytesIO(answer.content), float_precision="round_trip")


def test_an_export_holds_every_row_of_its_range(client):
    predictions = exported(client, "predictions", "projectIds=half,shy")
    assert len(predictions) == 2 * 60
    assert json.loads(predictions.query("model_id == 'half'")["output_json"].iloc[0]) == {
        "p_up": 0.5
    }
    part = "start=2025-01-01T02:10:00Z&end=2025-01-01T02:20:00Z"
    scores = exported(client, "scores", part)
    rows = client.get(f"/reports/predictions?{part}").json()
    scored = [row for row in rows if row["scored_at"] is not None]
    assert len(scores) == len(scored)
    assert sorted(scores["value"]) == sorted(row["score_value"] for row in scored)


def test_a_parquet_file_holds_the_same_as_the_csv(client):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("predictions", "scores"):
        answer = client.get(f"/reports/export/{name}?format=parquet")
        assert answer.headers["content-type"] == "application/vnd.apache.parquet"
        assert ".parquet" in answer.headers["content-disposition"]
        table = parquet.read_table(io.BytesIO(answer.content)).to_pandas()
        plain = exported(client, name)
        assert list(table) == list(plain)
        assert str(table["performed_at"].dtype) == "datetime64[us, UTC]"
        pd.testing.assert_series_equal(table["model_id"], plain["model_id"], check_dtype=False)


def test_whole_numbers_are_whole_in_csv_also_where_some_are_missing(copied):
    execute(copied, "UPDATE scores SET truth_version = NULL WHERE model_id = 'half'")
    with serving(copied.challenge, copied.url) as client:
        text = client.get("/reports/export/scores").text
    rows = list(csv.DictReader(io.StringIO(text)))
    for name in ("version", "prediction_version", "truth_version"):
        assert {row[name] for row in rows} <= {"", "1"}
    assert {row["truth_version"] for row in rows if row["model_id"] == "half"} == {""}


def test_ids_are_inert_in_csv(copied):
    for table in ("scores", "predictions", "model_memberships"):
        execute(copied, f"UPDATE {table} SET model_id = '=a\u202eb' WHERE model_id = 'half'")
    with serving(copied.challenge, copied.url) as client:
        for name in ("scores", "predictions"):
            text = client.get(f"/reports/export/{name}").text
            assert "'=a\ufffdb" in text
            assert "\u202e" not in text


def test_an_empty_export_has_its_header_and_a_long_one_is_refused(client, empty_client):
    assert exported(empty_client, "scores").empty
    assert empty_client.get("/reports/export/scores?format=parquet").status_code == 200
    long = client.get("/reports/export/scores?start=2024-01-01T00:00:00Z")
    assert long.status_code == 422
    assert "31 days" in long.json()["message"]
