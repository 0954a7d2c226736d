"""What readers see of a tournament, on its first day already."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.api.conftest import serving
from tests.support.pipeline import FixedClock
from tests.support.tournament import CONFIG, NOON, tournament

ROUTES = (
    "/", "/models/right", "/reports/leaderboard", "/reports/models", "/reports/feeds",
    "/reports/predictions", "/reports/models/global", "/reports/models/params",
    "/reports/snapshots", "/healthz",
)  # fmt: skip


def test_everything_is_told_while_there_is_only_an_interim_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = {"kind": "operator", "answer_within_seconds": 60, "resolve_after_seconds": 60}
    changes = {"scheduled_prediction_configs[0]__schedule": schedule}
    cup = tournament(tmp_path, monkeypatch, **changes)
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + timedelta(minutes=5))
    cup.post()
    cup.resolve(1)
    pipeline = cup.pipeline
    with serving(pipeline.challenge, pipeline.url, clock=FixedClock(cup.clock.now())) as client:
        answers = {route: client.get(route) for route in ROUTES}
        at = f"{NOON:%Y-%m-%dT%H:%M:%SZ}"
        answers["explain"] = client.get(f"/reports/explain?model=right&round={at}")
    assert {route: answer.status_code for route, answer in answers.items()} == dict.fromkeys(
        answers, 200
    )
    ranks = {row["model_id"]: row["rank"] for row in answers["/reports/leaderboard"].json()}
    assert ranks == {"right": 1, "wrong": 2}
    [chain] = answers["explain"].json()["chains"]
    assert chain["prediction_config_id"] == CONFIG
    assert chain["feed_records"] == []
