"""What is not answered: keys in URLs, credentials nobody can read, parameters nobody knows."""

import pytest

from coordinator_pipelines.api.http.keys import Tier, add_key
from tests.api.conftest import NOW, serving
from tests.api.test_access import EXPLAIN, OPEN

NO_KEY = ("/healthz", "/reports/leaderboard", "/reports/predictions", "/", "/models/half")
SHAPE = {"type", "title", "status", "detail", "message", "errors"}


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "X-API-Key", "access_token", "token", "key", "Authorization",
        "client_secret", "auth", "passwd", "k%65y", "session-token", "credentials",
    ],
)  # fmt: skip
def test_a_key_in_the_url_is_refused_whatever_it_is_called(client, name):
    for path in NO_KEY:
        answer = client.get(f"{path}?{name}=cpk_secret")
        assert answer.status_code == 400, path
        assert "X-API-Key" in answer.json()["message"]
        assert "cpk_secret" not in answer.text


def test_a_key_is_found_where_another_value_or_a_name_belongs(filled, tmp_path):
    token = add_key(tmp_path / "keys.json", "ui", Tier.READ, None, NOW)
    with serving(filled.challenge, filled.url, keys=tmp_path / "keys.json") as client:
        for query in (f"projectIds={token}", token, f"x={token}", f"x=%63{token[1:]}"):
            answer = client.get(f"/reports/leaderboard?{query}")
            assert answer.status_code == 400
            assert token not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Basic dXNlcjpwYXNz")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer a b")],
        [("Authorization", "cpk_plain")],
        [("Authorization", "")],
        [("X-API-Key", "")],
        [("X-API-Key", "  ")],
        [("X-API-Key", "one"), ("X-API-Key", "two")],
        [("X-API-Key", "one"), ("Authorization", "Bearer one")],
        [("Authorization", "Bearer one"), ("Authorization", "Bearer two")],
    ],
)
def test_credentials_that_cannot_be_read_are_nobodys(client, headers):
    for path in (*OPEN, EXPLAIN):
        answer = client.get(path, headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "cannot be read" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/reports/predictions?projectId=x", "projectId"),
        ("/reports/models/global?ProjectIds=x", "ProjectIds"),
        ("/reports/leaderboard?page=2", "page"),
        ("/reports/leaderboard?start=2025-01-01T00:00:00Z", "start"),
        ("/reports/schema?mode=live", "mode"),
        ("/healthz?verbose", "verbose"),
        ("/reports/export/scores?Format=csv", "Format"),
    ],
)
def test_a_parameter_that_the_path_does_not_know_is_refused_by_name(client, path, name):
    answer = client.get(path)
    assert answer.status_code == 422
    assert f"'{name}' is not known here" in answer.json()["message"]


def test_the_page_is_found_by_a_link_that_somebody_added_to(client):
    assert client.get("/?utm_source=mail&fbclid=x").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/reports/leaderboard?mode=live&mode=replay",
        "/reports/predictions?limit=1&limit=1",
        "/reports/models/params?start=2025-01-01T00:00:00Z&start=2025-01-02T00:00:00Z",
    ],
)
def test_a_parameter_that_is_repeated_is_refused_by_name(client, path):
    answer = client.get(path)
    assert answer.status_code == 422
    assert "is given 2 times" in answer.json()["message"]


def test_a_chart_of_any_path_may_send_what_the_front_end_sends_to_charts(filled, tmp_path):
    widget = '[{"id": 9, "type": "CHART", "displayName": "Board", '
    widget += '"endpointUrl": "/reports/leaderboard"}]'
    (tmp_path / "metrics-widgets.json").write_text(widget)
    query = "?projectIds=half&start=2025-01-01T00%3A00%3A00.000Z&end=2025-01-01T03%3A00%3A00.000Z"
    with serving(filled.challenge, filled.url, directory=tmp_path) as client:
        assert client.get(f"/reports/leaderboard{query}").status_code == 200
        assert client.get(f"/reports/models{query}").status_code == 422


@pytest.mark.parametrize(
    "instant",
    [
        "1793577600", "1793577600.5", "1793577600000", "-1", "0", "2026-11-01",
        "2026-11-01T00:00:00", "20261101T000000Z", "2026-11-01T00:00:00%20UTC", "now", "",
    ],
)  # fmt: skip
def test_an_instant_needs_its_zone(client, instant):
    for path in ("leaderboard?as_of", "predictions?start", "explain?model=half&round"):
        answer = client.get(f"/reports/{path}={instant}")
        assert answer.status_code == 422
        assert "with its zone" in answer.json()["message"]


@pytest.mark.parametrize(
    "instant", ["2025-01-01T03:30%2B01:00", "2025-01-01 02:30:00.5z", "2025-01-01T02:30:00-0000"]
)
def test_an_instant_with_a_zone_is_read_in_every_usual_form(client, instant):
    assert len(client.get(f"/reports/leaderboard?as_of={instant}").json()) == 4


def test_every_problem_has_one_shape(filled, tmp_path):
    (tmp_path / "own.py").write_text(
        "from fastapi import APIRouter\nTIER = 'public'\nrouter = APIRouter()\n"
        "@router.get('/own/broken')\ndef broken() -> int:\n    raise RuntimeError('inside')\n"
    )
    asked = {
        400: "/reports/leaderboard?token=x", 401: "/reports/leaderboard", 404: "/reports/none",
        405: "/reports/leaderboard", 422: "/reports/leaderboard?limit=x", 500: "/own/broken",
    }  # fmt: skip
    with serving(filled.challenge, filled.url, directory=tmp_path) as client:
        for status, path in asked.items():
            method = "POST" if status == 405 else "GET"
            answer = client.request(method, path, {"X-API-Key": "x"} if status == 401 else None)
            assert answer.headers["content-type"] == "application/problem+json", status
            told = answer.json()
            assert set(told) == SHAPE
            assert (answer.status_code, told["status"]) == (status, status)
            assert told["title"]
            assert told["detail"] == told["message"] != ""
            assert "inside" not in answer.text
        wrong = client.get("/reports/leaderboard?limit=x").json()
    assert [one["loc"] for one in wrong["errors"]] == [["query", "limit"]]


def test_the_document_asks_for_no_key_where_none_is_needed(client):
    document = client.get("/openapi.json").json()
    for path, told in document["paths"].items():
        with_key = ("/reports/explain", "/reports/export", "/reports/evidence/openings")
        needed = path.startswith(with_key)
        assert ({} in told["get"]["security"]) is not needed, path
        for status in ("400", "401", "422"):
            assert set(told["get"]["responses"][status]["content"]) == {"application/problem+json"}
