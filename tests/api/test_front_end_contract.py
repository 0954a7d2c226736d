"""What the existing web front end needs, request by request as it makes them."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from coordinator_pipelines.starter.reporting import report_schema
from tests.api.conftest import execute, serving

CHART_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$")
ALL = "half%2Cfollower%2Cshy%2Cbroken"
# Encoded as the front end encodes it.
RANGE = "start=2024-12-02T03%3A09%3A28.959Z&end=2025-01-01T03%3A09%3A28.959Z"
WIDGETS = ("/reports/models/global", "/reports/models/params", "/reports/predictions")


@pytest.mark.parametrize("path", ["/reports/leaderboard", "/reports/models", *WIDGETS])
def test_lists_are_bare_arrays_also_before_there_is_anything(client, empty_client, path):
    for one in (client, empty_client):
        answer = one.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json(), list)
    assert client.get(path).json()
    assert empty_client.get(path).json() == []


@pytest.mark.parametrize("path", WIDGETS)
def test_one_comma_joined_list_of_ids_finds_all_of_them(client, path):
    rows = client.get(f"{path}?projectIds={ALL}&{RANGE}").json()
    assert {row["model_id"] for row in rows} == {"half", "follower", "shy", "broken"}


@pytest.mark.parametrize("path", WIDGETS)
def test_repeated_ids_find_them_too_and_unknown_ones_nothing(client, path):
    rows = client.get(f"{path}?projectIds=half&projectIds=shy,nobody&{RANGE}").json()
    assert {row["model_id"] for row in rows} == {"half", "shy"}
    assert client.get(f"{path}?projectIds=nobody&{RANGE}").json() == []
    assert client.get(f"{path}?projectIds=a%00b&{RANGE}").json() == []


@pytest.mark.parametrize("path", WIDGETS)
def test_without_parameters_all_models_of_the_last_week_are_told(client, path):
    assert client.get(path).json() == client.get(f"{path}?projectIds={ALL}&{RANGE}").json()


@pytest.mark.parametrize("path", WIDGETS)
def test_times_of_chart_rows_have_no_zone_suffix(client, path):
    for row in client.get(path).json():
        times = [row["performed_at"], row.get("resolvable_at"), row.get("scored_at")]
        assert all(CHART_TIME.match(time) for time in times if time is not None)


def test_scores_of_single_predictions_are_numbers_or_null(client):
    values = [row["score_value"] for row in client.get("/reports/predictions").json()]
    assert {type(value) for value in values} == {float, type(None)}


def test_scores_are_numbers_or_null(client):
    for path in ("/reports/leaderboard", "/reports/models/global", "/reports/models/params"):
        for row in client.get(path).json():
            values = [row["score_short"], row["score_long"], *row["score_metrics"].values()]
            assert all(value is None or isinstance(value, float) for value in values)


def test_every_model_on_the_board_is_listed_with_names(client):
    models = {row["model_id"]: row for row in client.get("/reports/models").json()}
    for row in client.get("/reports/leaderboard").json():
        listed = models[row["model_id"]]
        assert listed["model_name"]
        assert listed["cruncher_name"]
        assert {"cruncher_id", "deployment_id"} <= listed.keys()


def test_the_board_comes_in_order_with_a_flat_field_per_metric_and_a_status(client):
    rows = client.get("/reports/leaderboard").json()
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    values = [row["score_long"] for row in rows]
    assert values == sorted(values, reverse=True)
    assert {row["status"] for row in rows} == {"active"}
    for row in rows:
        assert row["score_long"] == row["score_metrics"]["long"] == row["score_ranking"]["value"]


def test_models_without_a_name_or_an_owner_are_told_with_one(copied):
    with closing(sqlite3.connect(copied.directory / "ledger.db")) as database:
        database.execute(
            "UPDATE model_memberships SET name = NULL, owner = '' WHERE model_id='shy'"
        )
        database.commit()
    with serving(copied.challenge, copied.url) as client:
        (row,) = [row for row in client.get("/reports/models").json() if row["model_id"] == "shy"]
    assert (row["model_name"], row["cruncher_name"]) == ("shy", "unknown")


@pytest.mark.parametrize("path", ["/reports/models/global", "/reports/models/params"])
def test_charts_have_a_point_per_model_and_batch_window(client, path):
    rows = client.get(f"{path}?projectIds=half").json()
    assert [row["performed_at"] for row in rows] == [
        "2025-01-01T02:15:00", "2025-01-01T02:30:00", "2025-01-01T02:45:00", "2025-01-01T03:00:00",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/reports/models/params", "/reports/predictions"])
def test_rows_carry_what_the_charts_filter_and_group_by(client, path):
    for row in client.get(path).json():
        assert (row["asset"], row["horizon"], row["step"]) == ("BTC", 60, 60)
        assert row["param"] == "BTC-60-60"
        assert row["scope"] == {"asset": "BTC", "horizon": 60, "step": 60}


def test_predictions_that_failed_or_wait_are_told_with_their_status(client):
    rows = client.get("/reports/predictions").json()
    assert len(rows) == 4 * 60
    assert [row["performed_at"] for row in rows] == sorted(row["performed_at"] for row in rows)
    failed = [row for row in rows if row["status"] == "FAILED"]
    assert failed
    for row in failed:
        if row["score_state"] == "withdrawn":
            continue
        # A mark on the chart needs both, and a height.
        assert row["score_failed"] is True
        assert row["score_failed_reason"]
        assert (row["score_state"], row["score_success"]) == ("imputed", False)
        assert isinstance(row["score_value"], float)
    assert {row["status"] for row in rows} == {"SUCCESS", "FAILED", "ABSTAINED"}
    assert any(row["score_state"] == "withdrawn" for row in rows)  # ties are void


def lines(widget: dict, rows: list[dict], chosen: dict[str, str]) -> dict[str, set]:
    """The lines that the front end draws of rows, by label: their prediction configs.

    It makes the lines first, and leaves out those of which no row fits what is chosen.
    """
    config = widget["nativeConfiguration"]
    groups: dict[str, list[dict]] = {}
    for row in rows:
        label = f"{row['model_id']}::{row[config['groupByProperty']]}"
        groups.setdefault(label, []).append(row)
    return {
        label: {row["prediction_config_id"] for row in group}
        for label, group in groups.items()
        if any(all(str(row[name]) == value for name, value in chosen.items()) for row in group)
    }


def first_choices(widget: dict, rows: list[dict]) -> dict[str, str]:
    """What the front end's filters select by themselves."""
    return {
        one["property"]: min(str(row[one["property"]]) for row in rows)
        for one in widget["nativeConfiguration"]["filterConfig"]
        if one.get("autoSelectFirst")
    }


@pytest.mark.parametrize("schema", ["default", "starter"])
def test_each_question_has_lines_of_its_own_and_no_chart_begins_empty(copied, schema):
    # ETH is asked for 5 minutes only, so that no line has both the first asset and horizon.
    execute(
        copied,
        "INSERT INTO scheduled_prediction_configs SELECT 'eth-5m', 'eth-5m', "
        "json_set(scope_json, '$.asset', 'ETH', '$.horizon', 300), schedule_json, active, "
        '"order", meta_json, created_at FROM scheduled_prediction_configs',
    )
    odd = "WHERE performed_at / 60000000 % 2"
    execute(copied, f"UPDATE predictions SET prediction_config_id = 'eth-5m' {odd}")
    payload = "replace(payload_json, '\"btc-1m\":', '\"eth-5m\":') WHERE as_of % 1800000000"
    execute(copied, f"UPDATE model_scores SET payload_json = {payload}")
    with serving(copied.challenge, copied.url) as client:
        told = report_schema() if schema == "starter" else client.get("/reports/schema").json()
        for widget in told["metrics_widgets"][1:]:
            rows = client.get(widget["endpointUrl"]).json()
            every = lines(widget, rows, {})
            assert len(every) == 2 * 4
            assert all(len(configs) == 1 for configs in every.values())
            first = first_choices(widget, rows)
            assert lines(widget, rows, first)
            assert len(lines(widget, rows, {"asset": "ETH", "horizon": "300"})) == 4


def test_the_schema_names_fields_that_the_rows_have(client):
    schema = client.get("/reports/schema").json()
    board = client.get("/reports/leaderboard").json()[0]
    assert all(column["property"] in board for column in schema["leaderboard_columns"])
    ids = [widget["id"] for widget in schema["metrics_widgets"]]
    assert len(ids) == len(set(ids))
    for widget in schema["metrics_widgets"]:
        row = client.get(widget["endpointUrl"]).json()[0]
        config = widget["nativeConfiguration"]
        named = [config["xAxis"]["name"], *(one["name"] for one in config["yAxis"]["series"])]
        named += [one["property"] for one in config.get("filterConfig", [])]
        named += [config["groupByProperty"]] if "groupByProperty" in config else []
        named += list(config.get("alertConfig", {}).values())
        assert set(named) <= row.keys()
    parts = ("leaderboard-columns", "metrics-widgets")
    for part, key in zip(parts, ("leaderboard_columns", "metrics_widgets"), strict=True):
        assert client.get(f"/reports/schema/{part}").json() == schema[key]


def test_feeds_are_told_with_a_zone_and_no_feed_is_an_empty_list(client, empty_client):
    (feed,) = client.get("/reports/feeds").json()
    assert (feed["source"], feed["subject"], feed["kind"]) == ("file", "BTCUSDT", "candle")
    assert feed["granularity"] == "1m"
    assert isinstance(feed["record_count"], int)
    for name in ("oldest_ts", "newest_ts", "watermark_ts", "watermark_updated_at"):
        assert feed[name].endswith("Z")
    asked = "source=file&subject=BTCUSDT&kind=candle&granularity=1m&limit=20"
    tail = client.get(f"/reports/feeds/tail?{asked}").json()
    assert len(tail) == 20
    assert tail[0]["ts_event"] == feed["newest_ts"]
    for row in tail:
        assert {"source", "subject", "kind", "granularity", "meta"} <= row.keys()
        assert row["ts_event"].endswith("Z")
        assert row["ts_ingested"].endswith("Z")
        assert row["values"]["close"] > 0
    assert client.get("/reports/feeds/tail?source=other").json() == []
    assert empty_client.get("/reports/feeds").json() == []
    assert empty_client.get("/reports/feeds/tail").json() == []


@pytest.mark.parametrize("path", ["/reports/leaderboard/", "/reports/modelsX", "/reports"])
def test_paths_match_exactly_and_are_never_redirected(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["message"]


def test_the_starters_own_schema_is_served(filled):
    provider = {"REPORT_SCHEMA_PROVIDER": "coordinator_pipelines.starter.reporting:report_schema"}
    callables = filled.challenge.callables.model_copy(update=provider)
    challenge = filled.challenge.model_copy(update={"callables": callables})
    with serving(challenge, filled.url) as client:
        told = client.get("/reports/schema").json()
    assert told == report_schema()
    assert set(told["leaderboard_columns"][0]) == {
        "id", "type", "property", "format", "displayName", "tooltip", "nativeConfiguration",
        "order",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/reports/leaderboard", "/reports/models", *WIDGETS])
def test_an_answer_can_be_compressed_and_needs_no_header(client, path):
    asked = {"Accept": "application/json, text/plain, */*", "Accept-Encoding": "gzip, deflate, br"}
    assert client.get(path, asked).json() == client.get(path).json()


@pytest.mark.parametrize("query", ["start=yesterday", "end=2025-01-01T00%3A00%3A00", "limit=x"])
def test_what_is_wrong_with_a_request_is_told_as_a_message(client, query):
    answer = client.get(f"/reports/predictions?{query}")
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_nothing_told_is_not_a_number(client):
    for path in ("/reports/leaderboard", *WIDGETS):
        json.loads(client.get(path).text, parse_constant=pytest.fail)
