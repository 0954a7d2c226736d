"""Whether a model's probabilities mean what they say, over HTTP."""

import pytest


def test_the_parts_of_a_models_score_are_told_with_its_diagram(client):
    told = client.get("/reports/calibration?model=follower").json()
    brier = told["brier"]
    parts = brier["miscalibration"] - brier["discrimination"] + brier["uncertainty"]
    assert parts == pytest.approx(brier["score"])
    assert told["rounds"] == 58
    [row] = [
        row for row in client.get("/reports/leaderboard").json() if row["model_id"] == "follower"
    ]
    assert 1 - brier["score"] == pytest.approx(row["score_metrics"]["long"])
    forecasts = [point["forecast"] for point in told["reliability"]]
    assert forecasts == sorted(set(forecasts))
    assert all(0 <= point["low"] <= point["high"] <= 1 for point in told["reliability"])
    assert (told["pit"], told["coverage"]) == (None, None)


def test_a_range_without_answers_has_no_calibration_and_nobody_is_not_found(client):
    before = "&start=2024-12-01T00:00:00Z&end=2024-12-02T00:00:00Z"
    told = client.get(f"/reports/calibration?model=half{before}").json()
    assert (told["rounds"], told["brier"], told["reliability"]) == (0, None, [])
    assert client.get("/reports/calibration?model=nobody").status_code == 404
