"""A node's own routes and its own changes to the schema."""

import json
import logging
from datetime import UTC, datetime

import pytest

from coordinator_pipelines.api.http.keys import Tier, add_key
from coordinator_pipelines.domain.values.errors import CallableError, SpecError
from tests.api.conftest import serving

ROUTER = """
from fastapi import APIRouter, Request
{tier}
router = APIRouter()

@router.get("{path}")
def models(request: Request) -> dict[str, int]:
    context = request.app.state.context
    return {{"models": len(context.reports.memberships(context.mode()))}}
"""


def write_router(directory, *, path="/own/models", tier="", name="own.py"):
    (directory / name).write_text(ROUTER.format(path=path, tier=tier))


def test_a_router_of_the_node_is_for_admins_unless_it_says_otherwise(filled, tmp_path):
    write_router(tmp_path)
    write_router(tmp_path, path="/own/open", tier='TIER = "public"', name="open.py")
    write_router(tmp_path, path="/own/hidden", name="_hidden.py")
    keys = tmp_path / "keys.json"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    read = {"X-API-Key": add_key(keys, "r", Tier.READ, None, now)}
    admin = {"X-API-Key": add_key(keys, "a", Tier.ADMIN, None, now)}
    with serving(filled.challenge, filled.url, directory=tmp_path, keys=keys) as client:
        assert client.get("/own/open").json() == {"models": 4}
        assert client.get("/own/models").status_code == 401
        assert client.get("/own/models", read).status_code == 403
        assert client.get("/own/models", admin).json() == {"models": 4}
        assert client.get("/own/hidden", admin).status_code == 404


def test_admin_routes_are_closed_where_there_is_no_key(filled, tmp_path):
    write_router(tmp_path)
    with serving(filled.challenge, filled.url, directory=tmp_path) as client:
        assert client.get("/own/models").status_code == 401


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROUTER.format(path="/reports/leaderboard", tier=""), "is served already"),
        (ROUTER.format(path="/own", tier='TIER = "all"'), "TIER is 'all'"),
        ("router = 1", "no fastapi.APIRouter"),
        ("raise RuntimeError('no')", "RuntimeError: no"),
    ],
)
def test_a_broken_router_stops_the_start_and_names_its_file(filled, tmp_path, text, said):
    (tmp_path / "own.py").write_text(text)
    with (
        pytest.raises(CallableError, match=said) as caught,
        serving(filled.challenge, filled.url, directory=tmp_path),
    ):
        pass
    assert "own.py" in str(caught.value)


def test_local_changes_win_by_key_and_unknown_keys_are_warned_about(filled, tmp_path, caplog):
    columns = [
        {"property": "score_long", "displayName": "Two hours", "colour": "red"},
        {"id": 90, "type": "VALUE", "property": "status", "displayName": "Status", "order": 99},
    ]
    widgets = [{"id": 1, "order": 77}, {"endpointUrl": "/reports/predictions", "tooltip": "All"}]
    (tmp_path / "leaderboard-columns.json").write_text(json.dumps(columns))
    (tmp_path / "metrics-widgets.json").write_text(json.dumps(widgets))
    with (
        caplog.at_level(logging.WARNING),
        serving(filled.challenge, filled.url, directory=tmp_path) as client,
    ):
        schema = client.get("/reports/schema").json()
    found = {one["property"]: one for one in schema["leaderboard_columns"]}
    assert found["score_long"]["displayName"] == "Two hours"
    assert found["score_long"]["format"] == "decimal-4"
    assert found["status"]["id"] == 90
    orders = {
        one["endpointUrl"]: (one["order"], one["tooltip"]) for one in schema["metrics_widgets"]
    }
    assert orders["/reports/models/global"] == (77, None)
    assert orders["/reports/predictions"] == (20, "All")
    assert "unknown keys are left out: colour" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "must be a JSON array"),
        ("[", "cannot be read"),
        ('[{"property": "score_long", "format": "roman"}]', "format"),
        ('[{"property": "new"}]', "displayName"),
        ('[{"property": "score_long", "id": 1}]', "is there twice"),
    ],
)
def test_a_broken_local_change_stops_the_start(filled, tmp_path, text, said):
    (tmp_path / "leaderboard-columns.json").write_text(text)
    with (
        pytest.raises(SpecError, match=said),
        serving(filled.challenge, filled.url, directory=tmp_path),
    ):
        pass


def keyed_columns():
    """The toy shape of the original's scaffold, which its own front end could not read."""
    return {
        "schema_version": "1",
        "leaderboard_columns": [{"key": "score", "label": "Score"}],
        "metrics_widgets": [],
    }


def test_an_authors_schema_that_no_front_end_can_read_stops_the_start(filled, monkeypatch):
    monkeypatch.syspath_prepend(".")
    path = {"REPORT_SCHEMA_PROVIDER": f"{__name__}:keyed_columns"}
    callables = filled.challenge.callables.model_copy(update=path)
    challenge = filled.challenge.model_copy(update={"callables": callables})
    with (
        pytest.raises(CallableError, match=r"leaderboard_columns\.0\.property"),
        serving(challenge, filled.url),
    ):
        pass
