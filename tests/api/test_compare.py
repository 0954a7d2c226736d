"""Two models compared over HTTP: what is told, and what is refused."""

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.support.challenges import START, WINDOW

BOTH = "/reports/compare?first=half&second=shy"


def test_two_models_are_compared_on_their_common_rounds(client, filled):
    told = client.get(BOTH).json()
    ledger = SqlLedger(filled.url, statistics_bucket=filled.challenge.statistics_bucket)
    scores = ledger.scores(Mode.REPLAY, START, START + 4 * WINDOW)
    ledger.close()
    values = scores.pivot_table("value", ["prediction_config_id", "performed_at"], "model_id")
    shared = values[["half", "shy"]].dropna()
    assert told["rounds"] == len(shared)
    assert told["difference"] == pytest.approx((shared["half"] - shared["shy"]).mean())
    assert told["better"] == "half"
    assert told["interval"]["low"] <= told["difference"] <= told["interval"]["high"]
    assert told["cumulative"][-1]["sum"] == pytest.approx((shared["half"] - shared["shy"]).sum())
    assert len(told["deciding_rounds"]) == min(20, told["deciding"])


def test_the_other_way_around_only_signs_change(client):
    one = client.get(BOTH).json()
    other = client.get("/reports/compare?first=shy&second=half").json()
    assert other["difference"] == pytest.approx(-one["difference"])
    assert other["better"] == one["better"]
    assert other["diebold_mariano"]["p_value"] == pytest.approx(one["diebold_mariano"]["p_value"])


def test_a_range_without_rounds_is_told_as_none(client):
    told = client.get(f"{BOTH}&start=2024-12-01T00:00:00Z&end=2024-12-02T00:00:00Z").json()
    assert told["rounds"] == 0
    assert [told[name] for name in ("difference", "better", "interval")] == [None] * 3
    assert told["cumulative"] == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/reports/compare?first=half&second=half", 422, "same model (half)"),
        ("/reports/compare?first=half&second=nobody", 404, "no model nobody"),
        ("/reports/compare?first=half", 422, "second"),
        (f"{BOTH}&start=2024-01-01T00:00:00Z&end=2025-01-01T00:00:00Z", 422, "more than 31 days"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(client, path, status, says):
    answer = client.get(path)
    assert answer.status_code == status
    assert says in answer.text


def test_the_board_tells_how_sure_it_is_and_the_page_shows_it(client):
    first, *_ = client.get("/reports/leaderboard").json()
    sure = first["certainty"]["windows"]["long"]
    assert first["certainty"]["level"] == 0.9
    assert sure["interval"][0] <= first["score_metrics"]["long"] <= sure["interval"][1]
    assert sure["tier"] == 1
    page = client.get("/").text
    assert '<th scope="col" class="number">Tier</th>' in page
    assert "Models of one tier cannot be told apart (90 %)" in page
