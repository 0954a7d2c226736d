"""Long answers in pages: all of them together are the whole, whatever is written meanwhile."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import execute, micros, serving
from tests.support.challenges import START


def pages(client, path, between=lambda: None) -> Iterator[list[dict[str, Any]]]:
    """All pages from a first one, with something that happens before each further one."""
    while path:
        answer = client.get(path)
        yield answer.json()
        between()
        path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]


@pytest.mark.parametrize("query", ["", "start=2025-01-01T02:10:00Z&", "projectIds=shy,half&"])
def test_pages_of_predictions_lead_back_to_the_first(client, query):
    whole = client.get(f"/reports/predictions?{query}").json()
    told = list(pages(client, f"/reports/predictions?{query}limit=50"))
    assert [row for page in told[::-1] for row in page] == whole
    assert max(map(len, told)) <= 50


def test_pages_stay_within_the_range_that_the_first_one_had(copied):
    # Eight days before the newest board, so a day before the default range.
    early, first = micros(START - timedelta(days=8)), micros(START)
    move = f"UPDATE predictions SET performed_at = {early} WHERE performed_at = {first}"
    execute(copied, move)
    with serving(copied.challenge, copied.url) as client:
        whole = client.get("/reports/predictions").json()
        told = list(pages(client, "/reports/predictions?limit=50"))
    assert [row for page in told[::-1] for row in page] == whole
    assert len(whole) == 4 * 59


def test_pages_of_a_board_are_of_one_board_whatever_comes_meanwhile(copied):
    def another() -> None:
        newer = "SELECT mode, as_of, version + 1, final, 'x', run_id, '[]', meta_json, created_at"
        execute(copied, f"INSERT OR IGNORE INTO leaderboards {newer} FROM leaderboards")

    with serving(copied.challenge, copied.url) as client:
        whole = client.get("/reports/leaderboard").json()
        told = list(pages(client, "/reports/leaderboard?limit=3", between=another))
    assert [len(page) for page in told] == [3, 1]
    assert [row for page in told for row in page] == whole


def test_pages_of_models_neither_lose_nor_repeat_one_that_joins_meanwhile(copied):
    def another() -> None:
        columns = "mode, left_at, name, owner, owner_id, code_hash"
        execute(
            copied,
            f"INSERT OR IGNORE INTO model_memberships (model_id, joined_at, {columns}) "
            f"SELECT 'a', joined_at + 1, {columns} FROM model_memberships "
            "WHERE model_id = 'half'",
        )

    with serving(copied.challenge, copied.url) as client:
        told = list(pages(client, "/reports/models?limit=2", between=another))
    ids = [row["model_id"] for page in told for row in page]
    assert ids == ["broken", "follower", "half", "shy", "a"]


def test_a_round_larger_than_a_page_is_not_split(client):
    rows = client.get("/reports/predictions?limit=1").json()
    assert {row["performed_at"] for row in rows} == {"2025-01-01T02:59:00"}
    assert len(rows) == 4
