"""Boards of the past, other versions, what changed, what is not modified, what is malformed."""

import json
import logging
import sqlite3
from datetime import UTC, datetime

import pytest

from tests.api.conftest import execute, micros, serving
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import FixedClock

SECOND = START + 2 * WINDOW


def revise(filled, as_of: datetime, change) -> None:
    """Write the next version of a board, with changed entries."""
    with sqlite3.connect(filled.url.removeprefix("sqlite:///")) as connection:
        connection.row_factory = sqlite3.Row
        select = "SELECT * FROM leaderboards WHERE as_of = ?"
        row = dict(connection.execute(select, (micros(as_of),)).fetchone())
        row["version"] += 1
        row["entries_json"] = change(row["entries_json"])
        row["content_hash"] = "another"
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO leaderboards ({names}) VALUES ({marks})", tuple(row.values())
        )
    connection.close()


def swapped(text: str) -> str:
    entries = json.loads(text)
    entries[0]["rank"], entries[1]["rank"] = 2, 1
    return json.dumps([entries[1], entries[0], *entries[2:]])


def test_the_board_of_an_instant_is_the_newest_one_until_then(client):
    rows = client.get("/reports/leaderboard?as_of=2025-01-01T02:44:59Z").json()
    assert {row["as_of"] for row in rows} == {"2025-01-01T02:30:00Z"}
    assert client.get("/reports/leaderboard?as_of=2025-01-01T03:30:00%2B01:00").json() == rows
    assert client.get("/reports/leaderboard?as_of=2024-01-01T00:00:00Z").json() == []


def test_a_naive_instant_is_refused_by_name(client):
    answer = client.get("/reports/leaderboard?as_of=2025-01-01T02:44:59")
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("as_of: ")


def test_older_versions_of_a_board_stay_readable_and_their_difference_is_told(copied):
    revise(copied, SECOND, swapped)
    as_of = "as_of=2025-01-01T02:30:00Z"
    with serving(copied.challenge, copied.url) as client:
        first = client.get(f"/reports/leaderboard?{as_of}&version=1").json()
        newest = client.get(f"/reports/leaderboard?{as_of}").json()
        assert {row["version"] for row in first} == {1}
        assert {row["version"] for row in newest} == {2}
        assert newest[0]["model_id"] == first[1]["model_id"]
        assert client.get(f"/reports/leaderboard?{as_of}&version=3").status_code == 404
        diff = client.get(f"/reports/leaderboard/diff?{as_of}").json()
    assert (diff["before"]["version"], diff["after"]["version"]) == (1, 2)
    assert not diff["same_content"]
    moved = [(one["rank_before"], one["rank_after"], one["change"]) for one in diff["changes"]]
    assert moved[:2] == [(2, 1, "up"), (1, 2, "down")]
    assert {one["change"] for one in diff["changes"][2:]} == {"none"}


def test_a_first_version_is_compared_with_the_board_before(client):
    diff = client.get("/reports/leaderboard/diff").json()
    assert diff["before"]["as_of"] == "2025-01-01T02:45:00Z"
    assert diff["after"]["as_of"] == "2025-01-01T03:00:00Z"
    assert {one["model_id"] for one in diff["changes"]} == {"half", "follower", "shy", "broken"}
    earliest = client.get("/reports/leaderboard/diff?as_of=2025-01-01T02:15:00Z")
    assert earliest.status_code == 404
    named = client.get("/reports/leaderboard/diff?before_as_of=2025-01-01T02:15:00Z").json()
    assert named["before"]["as_of"] == "2025-01-01T02:15:00Z"


def test_rows_can_be_asked_for_in_pages(client):
    rows = client.get("/reports/leaderboard").json()
    assert client.get("/reports/leaderboard?limit=1&offset=2").json() == rows[2:3]
    assert client.get("/reports/leaderboard?limit=0").status_code == 422


@pytest.mark.parametrize("path", ["/reports/leaderboard", "/reports/models", "/reports/schema"])
def test_who_has_the_answer_is_told_so(client, path):
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_board_says_when_it_was_written(client):
    modified = client.get("/reports/leaderboard").headers["last-modified"]
    same = client.get("/reports/leaderboard", headers={"If-Modified-Since": modified})
    assert same.status_code == 304
    long_ago = {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
    assert client.get("/reports/leaderboard", headers=long_ago).status_code == 200
    assert client.get("/reports/leaderboard", headers={"If-Modified-Since": "?"}).status_code == 200


def test_a_malformed_entry_is_skipped_counted_and_logged(copied, caplog):
    def damaged(text: str) -> str:
        entries = json.loads(text)
        return json.dumps([{"model_id": "half"}, 7, None, *entries[1:]])

    revise(copied, START + 4 * WINDOW, damaged)
    with serving(copied.challenge, copied.url) as client, caplog.at_level(logging.WARNING):
        answer = client.get("/reports/leaderboard")
        assert answer.status_code == 200
        assert len(answer.json()) == 3
        assert answer.headers["x-skipped-rows"] == "3"
        assert client.get("/healthz").json()["skipped_rows"] == {"leaderboard": 3}
    assert "3 malformed rows of leaderboard were skipped" in caplog.text


def test_malformed_model_scores_cost_only_their_own_points(copied):
    for column, text in (("metrics_json", '{"long": "much"}'), ("payload_json", "[]")):
        execute(copied, f"UPDATE model_scores SET {column} = ? WHERE model_id = 'half'", text)
    with serving(copied.challenge, copied.url) as client:
        for path in ("/reports/models/global", "/reports/models/params", "/reports/snapshots"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert len(answer.json()) == 3 * 4
            assert answer.headers["x-skipped-rows"] == "4"


def test_points_are_thinned_out_to_whole_steps_and_the_newest(client):
    rows = client.get("/reports/models/global?projectIds=half&points=3").json()
    assert [row["performed_at"] for row in rows] == ["2025-01-01T02:30:00", "2025-01-01T03:00:00"]


def test_a_live_challenge_shows_its_live_board_and_the_replay_on_request(copied):
    columns = "model_id, joined_at, left_at, name, owner, owner_id, code_hash"
    execute(
        copied,
        f"INSERT INTO model_memberships (mode, {columns}) "
        f"SELECT 'live', {columns} FROM model_memberships",
    )
    with serving(copied.challenge, copied.url) as client:
        assert client.get("/reports/leaderboard").json() == []
        assert len(client.get("/reports/leaderboard?mode=replay").json()) == 4
        assert len(client.get("/reports/models").json()) == 4
        assert client.get("/info").json()["mode"] == "live"
        assert client.get("/reports/leaderboard?mode=dream").status_code == 422


def test_a_live_board_that_is_too_old_is_unhealthy(copied):
    for table in ("leaderboards", "model_scores", "model_memberships"):
        execute(copied, f"UPDATE {table} SET mode = 'live'")
    clock = FixedClock(datetime(2025, 1, 1, 3, 10, tzinfo=UTC))
    with serving(copied.challenge, copied.url, clock=clock) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        clock.instant = datetime(2025, 1, 1, 3, 16, tzinfo=UTC)
        answer = client.get("/healthz")
    assert answer.status_code == 503
    told = answer.json()
    assert (told["status"], told["leaderboard_age_seconds"]) == ("stale", 960.0)


def test_the_last_board_of_a_challenge_that_is_over_stays_well(copied):
    for table in ("leaderboards", "model_scores", "model_memberships"):
        execute(copied, f"UPDATE {table} SET mode = 'live'")
    over = copied.challenge.model_copy(update={"end": datetime(2025, 1, 1, 3, tzinfo=UTC)})
    clock = FixedClock(datetime(2025, 6, 1, tzinfo=UTC))
    with serving(over, copied.url, clock=clock) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert "Out of date" not in client.get("/").text


def test_a_replayed_board_is_never_stale_and_an_empty_database_is_well(client, empty_client):
    told = client.get("/healthz").json()
    assert (told["status"], told["mode"]) == ("ok", "replay")
    assert told["leaderboard_as_of"] == "2025-01-01T03:00:00Z"
    assert empty_client.get("/healthz").json()["leaderboard_as_of"] is None


def test_a_database_that_cannot_be_read_is_a_503_without_its_address(copied):
    with serving(copied.challenge, copied.url) as client:
        execute(copied, "DROP TABLE leaderboards")
        for path in ("/healthz", "/reports/leaderboard"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "database cannot be read" in answer.json()["message"]
            assert str(copied.directory) not in answer.text
