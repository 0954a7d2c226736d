"""Predictions that wait, do not count, or count for another reason than their own answer."""

from datetime import UTC, datetime

import pytest

from coordinator_pipelines.api.http.keys import Tier, add_key
from tests.api.conftest import execute, micros, serving

LAST = datetime(2025, 1, 1, 2, 45, tzinfo=UTC)
MICROS = micros(LAST)


def change(filled, *statements: str) -> None:
    for statement in statements:
        execute(filled, statement)


def rows_of(filled, query: str = "") -> list[dict]:
    with serving(filled.challenge, filled.url) as client:
        return client.get(f"/reports/predictions?{query}").json()


def test_what_has_no_truth_yet_is_pending_and_no_failure(copied):
    change(
        copied,
        f"DELETE FROM scores WHERE performed_at >= {MICROS}",
        f"DELETE FROM ground_truths WHERE performed_at >= {MICROS}",
    )
    rows = rows_of(copied, "start=2025-01-01T02:45:00Z")
    assert len(rows) == 4 * 15
    assert {row["score_state"] for row in rows} == {"pending"}
    for row in rows:
        assert (row["score_value"], row["score_success"], row["scored_at"]) == (None, None, None)
        assert row["score_failed"] is (row["status"] != "SUCCESS")
        assert bool(row["score_failed_reason"]) is row["score_failed"]


def test_what_the_policy_leaves_out_is_excluded(copied):
    change(copied, "UPDATE scores SET value = NULL, rule = 'exclude' WHERE model_id = 'shy'")
    rows = rows_of(copied, "projectIds=shy")
    assert {row["score_state"] for row in rows} == {"excluded", "withdrawn"}
    assert {row["score_value"] for row in rows} == {None}


def test_a_round_that_does_not_count_says_so(client):
    rows = client.get("/reports/predictions").json()
    for row in (row for row in rows if row["score_state"] == "withdrawn"):
        assert row["score_value"] is None
        assert row["score_failed_reason"] == "the outcome of this round does not count"


def test_a_config_that_is_not_known_any_more_costs_nothing_but_its_scope(copied):
    change(copied, "UPDATE scheduled_prediction_configs SET scope_json = '[]'")
    with serving(copied.challenge, copied.url) as client:
        rows = client.get("/reports/predictions").json()
        assert len(rows) == 4 * 60
        assert {row["param"] for row in rows} == {None}
        assert client.get("/reports/models/params").json() == []
        assert len(client.get("/reports/models/global").json()) == 4 * 4


def test_an_unknown_status_is_skipped(copied):
    change(copied, "UPDATE predictions SET status = 'ODD' WHERE model_id = 'shy'")
    with serving(copied.challenge, copied.url) as client:
        answer = client.get("/reports/predictions")
    assert len(answer.json()) == 3 * 60
    assert answer.headers["x-skipped-rows"] == "60"


def test_answers_and_errors_are_explained_in_full_to_their_owner(copied, tmp_path):
    change(copied, "UPDATE predictions SET raw_output_json = '0.5' WHERE model_id = 'half'")
    keys = tmp_path / "keys.json"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    own = add_key(keys, "own", Tier.READ, "tester", now)
    other = add_key(keys, "other", Tier.READ, None, now)
    with serving(copied.challenge, copied.url, keys=keys) as client:
        rows = client.get("/reports/predictions?projectIds=broken").json()
        instant = next(row["performed_at"] for row in rows if row["status"] == "FAILED")
        failed = f"/reports/explain?model=broken&round={instant}Z"
        told = [client.get(failed, {"X-API-Key": key}).json() for key in (own, other)]
        predictions = [one["chains"][0]["prediction"] for one in told]
        assert "minute" in predictions[0]["failed_reason"]
        assert predictions[1]["failed_reason"] is None
        good = "/reports/explain?model=half&round=2025-01-01T02:06:00Z"
        raw = [client.get(good, {"X-API-Key": key}).json() for key in (own, other)]
    assert raw[0]["chains"][0]["prediction"]["raw_output"] == 0.5
    assert raw[1]["chains"][0]["prediction"]["raw_output"] is None


@pytest.mark.parametrize("windows", ["[]", '{"long": 1}', '{"long": {"n": "many"}}'])
def test_a_payload_of_another_shape_costs_its_row_on_board_and_page(copied, windows):
    change(
        copied,
        "UPDATE leaderboards SET entries_json = json_set(entries_json, "
        f"'$[0].score.payload.windows', json('{windows}'))",
    )
    with serving(copied.challenge, copied.url) as client:
        assert len(client.get("/reports/leaderboard").json()) == 3
        assert client.get("/").status_code == 200
        assert client.get("/models/half").status_code == 200
