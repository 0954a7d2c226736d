"""What is malformed in a stored document costs its own entry, is said, and is no good health."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from coordinator_pipelines.storage.engine.database import parse_url
from tests.api.conftest import Filled, execute, micros, serving
from tests.api.test_leaderboard import revise
from tests.support.challenges import START, WINDOW

LAST = START + 4 * WINDOW
TOO_LARGE = "1" + 400 * "0"
SCORES = "/reports/models/global?start=2025-01-01T02:59:00Z&end=2025-01-01T03:00:00Z"


def damaged(filled: Filled, change: Callable[[str], str]) -> Any:
    """The newest board in a next version, and what is said of it."""
    revise(filled, LAST, change)
    with serving(filled.challenge, filled.url) as client:
        health = client.get("/healthz")
        board = client.get("/reports/leaderboard")
        return health, board, client.get("/")


def with_value(value: str) -> Callable[[str], str]:
    def change(entries: str) -> str:
        told = json.loads(entries)
        told[1]["score"]["metrics"]["long"] = "<value>"
        return json.dumps(told).replace('"<value>"', value)

    return change


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", TOO_LARGE, '"much"', "[1]", "{}"])
def test_one_bad_number_costs_its_entry_and_no_other(copied, caplog, value):
    health, board, page = damaged(copied, with_value(value))
    assert [row["rank"] for row in board.json()] == [1, 3, 4]
    assert {row["version"] for row in board.json()} == {2}
    assert board.headers["x-skipped-rows"] == "1"
    assert health.json()["status"] == "degraded"
    assert health.json()["skipped_rows"] == {"leaderboard": 1}
    assert "malformed rows of leaderboard" in caplog.text
    assert "No model is ranked yet" not in page.text


@pytest.mark.parametrize("entries", ["{}", "not json", '[{"model_id": "half"', "", "7", "[NaN]"])
def test_a_version_that_cannot_be_read_gives_way_to_the_one_before(copied, entries):
    health, board, page = damaged(copied, lambda _: entries)
    assert [row["rank"] for row in board.json()] == [1, 2, 3, 4]
    assert {row["version"] for row in board.json()} == {1}
    assert "version 2, cannot be read" in board.headers["x-warning"]
    assert health.json()["status"] == "degraded"
    assert "No model is ranked yet" not in page.text


def test_a_first_version_that_cannot_be_read_gives_way_to_the_board_before(copied):
    newest = f"WHERE as_of = {micros(LAST)}"
    execute(copied, f"UPDATE leaderboards SET entries_json = '[{{' {newest}")
    with serving(copied.challenge, copied.url) as client:
        board = client.get("/reports/leaderboard")
        assert {row["as_of"] for row in board.json()} == {"2025-01-01T02:45:00Z"}
        assert "03:00:00" in board.headers["x-warning"]
        named = client.get("/reports/leaderboard?version=1")
        assert named.status_code == 404
        assert "can be read" in named.json()["message"]


def test_where_no_board_can_be_read_there_is_none_and_it_is_said(copied):
    execute(copied, "UPDATE leaderboards SET entries_json = '['")
    with serving(copied.challenge, copied.url) as client:
        board = client.get("/reports/leaderboard")
        assert (board.status_code, board.json()) == (200, [])
        assert board.headers["x-skipped-rows"] == "1"
        assert client.get("/healthz").json()["status"] == "degraded"
        assert client.get("/").status_code == 200


def test_health_is_degraded_before_anybody_has_asked(copied):
    metrics = """UPDATE model_scores SET metrics_json = '{"long": NaN}' WHERE model_id = 'half'"""
    execute(copied, metrics)
    with serving(copied.challenge, copied.url) as client:
        told = client.get("/healthz")
        assert (told.status_code, told.json()["status"]) == (200, "degraded")
        assert told.json()["skipped_rows"] == {"model_scores": 1}


@pytest.mark.parametrize("scope", ["[]", "{", '{"asset": "BTC"}', '{"horizon": NaN}'])
def test_a_scope_that_cannot_be_read_is_not_taken_for_another(copied, scope):
    execute(
        copied,
        "INSERT INTO scheduled_prediction_configs SELECT 'other', 'other', ?, schedule_json, "
        'active, "order", meta_json, created_at FROM scheduled_prediction_configs',
        scope,
    )
    with serving(copied.challenge, copied.url) as client:
        points = client.get(SCORES)
        assert {(row["asset"], row["param"]) for row in points.json()} == {(None, "all")}
        assert points.headers["x-skipped-rows"] == "1"
        predictions = client.get("/reports/predictions")
        assert {row["asset"] for row in predictions.json()} == {"BTC"}
        assert predictions.headers["x-skipped-rows"] == "1"
        assert client.get("/healthz").json()["status"] == "degraded"


def test_an_answer_a_truth_and_an_input_that_cannot_be_read_cost_themselves(copied):
    asked = "performed_at = 1735697160000000"  # 02:06
    execute(copied, f"UPDATE predictions SET output_json = '{{\"p_up\": NaN}}' WHERE {asked}")
    execute(copied, f"UPDATE ground_truths SET payload_json = '{{' WHERE {asked}")
    execute(copied, f"UPDATE rounds SET input_json = '[NaN' WHERE {asked}")
    with serving(copied.challenge, copied.url) as client:
        told = client.get("/reports/explain?model=half&round=2025-01-01T02:06:00Z")
        [chain] = told.json()["chains"]
        found = chain["prediction"]["output"], chain["truth"]["payload"], chain["round"]["input"]
        assert found == (None, None, None)
        assert int(told.headers["x-skipped-rows"]) >= 3
        assert "NaN" not in client.get("/reports/export/predictions").text
        assert client.get("/models/half").status_code == 200
        assert set(client.get("/healthz").json()["skipped_rows"]) == {"explanation", "predictions"}


@dataclass(frozen=True)
class Change:
    """What is damaged on PostgreSQL, which keeps JSON as such but not what it means."""

    statement: str
    kind: str


CHANGES = (
    Change(
        f"""UPDATE leaderboards SET entries_json = jsonb_set(entries_json,
        '{{1,score,metrics,long}}', '{TOO_LARGE}')""",
        "leaderboard",
    ),
    Change(
        f"""UPDATE model_scores SET metrics_json = '{{"long": {TOO_LARGE}}}'
        WHERE model_id = 'half'""",
        "model_scores",
    ),
    Change("UPDATE scheduled_prediction_configs SET scope_json = '[]'",
           "scheduled_prediction_configs"),
)  # fmt: skip


def test_on_postgresql_too_each_costs_itself(filled_postgresql):
    filled = filled_postgresql
    engine = create_engine(parse_url(filled.url))
    with engine.begin() as connection:
        for change in CHANGES:
            connection.execute(text(change.statement.replace(":", "\\:")))
    engine.dispose()
    with serving(filled.challenge, filled.url) as client:
        health = client.get("/healthz").json()
        assert (health["status"], health["skipped_rows"]) == (
            "degraded", dict.fromkeys([change.kind for change in CHANGES], 1)
        )  # fmt: skip
        assert [row["rank"] for row in client.get("/reports/leaderboard").json()] == [1, 3, 4]
        assert {row["model_id"] for row in client.get(SCORES).json()} == {
            "follower", "shy", "broken"
        }  # fmt: skip
        assert len(client.get("/reports/predictions").json()) == 4 * 60
