"""Payouts over HTTP: what is told of them, and that nothing can be changed."""

from datetime import timedelta

import pytest

from tests.api.conftest import ApiClient, Filled, execute, serving
from tests.support.challenges import START

NAME = "ckp-replay-20250101T0300Z-v1"


def test_a_checkpoint_is_listed_with_what_has_become_of_it(client: ApiClient) -> None:
    [row] = client.get("/reports/checkpoints").json()
    assert row["id"] == NAME
    assert row["status"] == "PENDING"
    assert row["dry_run"] is True
    assert row["superseded"] is False
    assert row["as_of"] == f"{START + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert client.get("/reports/checkpoints?status=PAID").json() == []
    assert client.get("/reports/checkpoints?status=paid").status_code == 422


@pytest.mark.parametrize("name", ["latest", NAME])
def test_its_shares_follow_the_board_that_it_names(client: ApiClient, name: str) -> None:
    told = client.get(f"/reports/checkpoints/{name}/explain").json()
    payload = client.get(f"/reports/checkpoints/{name}").json()
    assert told == {"checkpoint": payload, "steps": []}
    assert client.get(f"/reports/checkpoints/{name}/payload").json() == payload
    [source] = payload["meta"]["boards"]
    board = client.get(f"/reports/leaderboard?as_of={source['as_of'].replace('+', '%2B')}").json()
    assert [e["model_id"] for e in payload["entries"]] == [row["model_id"] for row in board]
    assert sum(e["share"] for e in payload["entries"]) == 1_000_000_000


def test_rewards_tell_each_model_what_it_got_and_why_not(client: ApiClient) -> None:
    rows = client.get("/reports/checkpoints/rewards").json()
    assert [row["reward_percent"] for row in rows] == [100.0, 0.0, 0.0, 0.0]
    assert [row["rank"] for row in rows] == [1, None, None, None]
    [one] = client.get("/reports/checkpoints/rewards?projectIds=shy").json()
    assert one["unpaid_reason"] == "its owner is paid for half"


def test_formats_are_those_of_the_successor(client: ApiClient) -> None:
    emission = client.get("/reports/emissions/latest").json()
    assert emission == client.get(f"/reports/checkpoints/{NAME}/emission").json()
    assert emission["cruncher_rewards"] == [{"cruncher_index": 0, "reward_pct": 1_000_000_000}]
    cli = client.get(f"/reports/checkpoints/{NAME}/emission/cli-format").json()
    assert cli["crunchEmission"] == {"half": 100.0}
    [prize] = client.get(f"/reports/checkpoints/{NAME}/prizes?total_prize=700").json()
    assert prize["prize"] == 700
    assert client.get(f"/reports/checkpoints/{NAME}/prizes").status_code == 422


def test_what_is_not_there_is_said_so(client: ApiClient, empty_client: ApiClient) -> None:
    assert client.get("/reports/checkpoints/nothing").status_code == 404
    assert empty_client.get("/reports/checkpoints").json() == []
    for path in ("checkpoints/latest", "emissions/latest", "checkpoints/latest/explain"):
        answer = empty_client.get(f"/reports/{path}")
        assert answer.status_code == 404
        assert "there is no replay checkpoint yet" in answer.text


@pytest.mark.parametrize(("method", "path"), [("POST", "confirm"), ("PATCH", "status")])
def test_nothing_can_be_approved_or_paid_here(client: ApiClient, method: str, path: str) -> None:
    assert client.request(method, f"/reports/checkpoints/{NAME}/{path}").status_code in (404, 405)


def test_a_document_that_cannot_be_read_costs_no_other_answer(copied: Filled) -> None:
    execute(copied, "UPDATE checkpoints SET entries_json = '[{\"model_id\": NaN}]'")
    with serving(copied.challenge, copied.url) as client:
        assert len(client.get("/reports/checkpoints").json()) == 1
        rewards = client.get("/reports/checkpoints/rewards")
        assert rewards.json() == []
        assert rewards.headers["X-Skipped-Rows"] == "1"
        assert client.get("/reports/checkpoints/latest/emission").status_code == 503
