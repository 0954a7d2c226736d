"""Revisions: who moved when a final board came out otherwise, because of which rounds; once."""

import json
import linecache
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coordinator_pipelines.domain.doors.ledger import Mode
from tests.api.conftest import serving
from tests.assets.conftest import MakePipeline
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import LATER, Pipeline, table_rows
from tests.support.prices import write_candles
from tests.support.recompute import seconds

REVISED = START + timedelta(minutes=20)
ROUND = REVISED - timedelta(minutes=1)
"""The round that the revised bar decides."""
Revise = Callable[[float], None]


@pytest.fixture
def revise(tmp_path: Path, closes: dict[int, float]) -> Revise:
    """Write the price file with the revised bar so much above the one before it."""

    def write(move: float) -> None:
        end = seconds(REVISED)
        before = closes[end - 60]
        write_candles(tmp_path / "prices.csv", {**closes, end: before + move, end + 60: before + 9})

    return write


@pytest.fixture(params=["sqlite", "postgresql"])
def revised(
    request: pytest.FixtureRequest, make_pipeline: MakePipeline, revise: Revise
) -> Pipeline:
    """Three windows whose second has another candle since, run again; in each dialect."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    pipeline = make_pipeline(url=url, checkpoint_interval_seconds=1800)
    revise(-1)
    pipeline.succeed(START, 3)
    assert pipeline.rows("revisions").empty
    revise(1)
    pipeline.clock.instant = LATER + timedelta(days=1)
    pipeline.succeed(START + WINDOW, 2)
    return pipeline


def documents(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    """The revisions by id."""
    names = table_rows(pipeline.url, "revisions")["id"]
    with pipeline.ledger() as ledger:
        return {name: json.loads(ledger.revision(name)["document_json"].item()) for name in names}


def exact_mean(pipeline: Pipeline, as_of: datetime, model: str, *, newest: bool) -> Fraction:
    """A model's mean score up to an instant, by the first or the newest version of each row."""
    with pipeline.ledger() as ledger:
        rows = ledger.score_versions("replay", START, as_of, START)
    own = rows[rows["model_id"] == model].drop_duplicates(
        ["prediction_config_id", "performed_at"], keep="last" if newest else "first"
    )
    values = [Fraction(value) for value in own["value"].dropna()]
    return sum(values, Fraction()) / len(values)


def test_a_revision_says_who_moved_because_of_which_rounds(revised: Pipeline) -> None:
    told = documents(revised)
    assert list(told) == ["rev-replay-20250101T0230Z-v2", "rev-replay-20250101T0245Z-v2"]
    document = told["rev-replay-20250101T0230Z-v2"]
    assert document["causes"] == {"truth": 1}
    [because] = document["rounds"]
    assert because["performed_at"] == ROUND.isoformat()
    assert (because["truth_before"]["version"], because["truth"]["version"]) == (1, 2)
    assert (because["truth_before"]["outcome"], because["truth"]["outcome"]) == (0.0, 1.0)
    with revised.ledger() as ledger:
        boards = ledger.board_versions("replay", [START + 2 * WINDOW])
    old, new = (json.loads(text) for text in boards["entries_json"])
    values = [{e["model_id"]: e["score"]["ranking"]["value"] for e in each} for each in (old, new)]
    assert {one["model_id"] for one in document["models"]} == {"broken", "follower", "shy"}
    for one in document["models"]:
        model = one["model_id"]
        assert (one["value_before"], one["value"]) == (values[0][model], values[1][model])
        was, is_now = (
            exact_mean(revised, START + 2 * WINDOW, model, newest=newest)
            for newest in (False, True)
        )
        change = is_now - was
        assert change != 0
        for window in one["windows"]:
            parts = [score["parts"][window] for score in one["scores"]]
            total = sum(map(Fraction, parts)) + Fraction(one["rest"]["parts"][window])
            assert abs(total - change) < 1e-15
            assert abs(Fraction(one["windows"][window]["change"]) - change) < 1e-15
        assert abs(one["value"] - one["value_before"] - float(change)) < 1e-15
    payout = document["payout"]
    assert payout["period_end"] == (START + 2 * WINDOW).isoformat()
    assert sum(one["after"] - one["before"] for one in payout["accounts"]) == 0
    assert told["rev-replay-20250101T0245Z-v2"]["payout"] is None  # within a period
    shown = revised.metadata("leaderboard")[f"{START + WINDOW:%Y-%m-%d-%H:%M}"]["revision"]
    assert shown.startswith("another truth (1 round); ")
    _told_to_everybody(revised, document)
    _told_once(revised)
    _told_by_the_next_run_if_the_first_was_killed(revised)


def _told_to_everybody(revised: Pipeline, document: dict[str, Any]) -> None:
    name = "rev-replay-20250101T0230Z-v2"
    with serving(revised.challenge, revised.url) as client:
        listed = client.get("/reports/revisions").json()
        told = client.get(f"/reports/revisions/{name}").json()
        page = client.get("/revisions")
        assert client.get("/reports/revisions?before=2025-01-01T02:30:00Z").json() == []
        assert client.get("/reports/revisions/nothing").status_code == 404
        assert client.get("/reports/revisions/latest").json()["id"] == listed[0]["id"]
    assert [row["id"] for row in listed][1] == name
    assert told == {**told, **listed[1]}
    assert told["rounds"][0]["truth"]["outcome"] == document["rounds"][0]["truth"]["outcome"]
    assert [m["scores"][0]["parts"] for m in told["models"]] == [
        m["scores"][0]["parts"] for m in document["models"]
    ]
    assert page.status_code == 200
    assert "2 boards revised" in page.text
    assert listed[0]["told"] in page.text


def _told_once(revised: Pipeline) -> None:
    before = revised.rows("revisions")
    revised.succeed(START, 3)
    assert revised.rows("revisions").equals(before)


def _told_by_the_next_run_if_the_first_was_killed(revised: Pipeline) -> None:
    before = revised.rows("revisions")
    engine = sa.create_engine(revised.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM revisions"))
    engine.dispose()
    revised.succeed(START, 3, job="refresh_boards")
    assert revised.rows("revisions").equals(before)


def test_a_changed_scorer_scores_again_where_it_says_something_else(
    make_pipeline: MakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "own_scorer.py"
    scorer = """
BONUS = {bonus}

def score(prediction, ground_truth):
    right = (prediction["p_up"] > 0.5) == ground_truth["y_up"]
    return {{"value": float(right) + (BONUS if prediction["p_up"] > 0.7 else 0.0)}}
"""
    module.write_text(scorer.format(bonus=0.0))
    pipeline = make_pipeline(callables__SCORING_FUNCTION="own_scorer:score")
    pipeline.succeed(START, 2)
    module.write_text(scorer.format(bonus=0.125))
    monkeypatch.delitem(sys.modules, "own_scorer")
    linecache.checkcache()
    pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + 2 * WINDOW)
        answers = ledger.predictions(Mode.REPLAY, START, START + 2 * WINDOW)
    again = scores[scores["version"] == 2]
    bold = [json.loads(text)["p_up"] > 0.7 for text in answers["output_json"].dropna()]
    assert 0 < sum(bold) <= len(again) < len(scores)
    assert len(set(scores["scorer"])) == 2
    document = documents(pipeline)["rev-replay-20250101T0230Z-v2"]
    assert document["causes"]["scorer"] == document["rounds_changed"]
    [changed] = document["scorers"]
    assert changed["before"] != changed["after"]
    assert changed["after"].startswith("own_scorer:score@1+")
