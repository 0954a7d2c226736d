"""Ensembles over HTTP: hidden unless asked for, labelled, and never told before the outcome."""

import pytest
from click.testing import CliRunner

from coordinator_pipelines.cli.main import coordinator
from tests.api.conftest import Filled, serving
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import Pipeline
from tests.support.prices import closes_from, walk, write_candles

ENSEMBLES = [{"name": "mean"}, {"name": "exact", "strategy": "inverse_variance"}]
IDS = ["__ensemble_exact__", "__ensemble_mean__"]


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    """Four windows of the small challenge, with two ensembles. Only to be read."""
    directory = tmp_path_factory.mktemp("combined")
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(300)))
    write_participants(directory, FOUR)
    challenge = small_challenge(directory, ensembles=ENSEMBLES)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = Pipeline(challenge, directory, monkeypatch)
        pipeline.succeed(START, 4)
    return Filled(challenge, pipeline.url, directory)


@pytest.fixture
def client(combined):
    with serving(combined.challenge, combined.url) as client:
        yield client


def test_a_board_tells_ensembles_only_if_asked_and_without_a_rank(client):
    plain = client.get("/reports/leaderboard").json()
    assert not any(row["is_ensemble"] for row in plain)
    told = client.get("/reports/leaderboard?include_ensembles=true").json()
    assert sorted(row["model_id"] for row in told if row["is_ensemble"]) == IDS
    assert [row for row in told if not row["is_ensemble"]] == plain
    for row in told:
        if row["is_ensemble"]:
            assert row["rank"] == 999999
            assert "neither ranked nor paid" in row["unranked_reason"]
    values = [row["score_long"] for row in told]
    assert values == sorted(values, reverse=True)
    assert set(plain[0]["contributions"]) == {"mean", "exact"}


@pytest.mark.parametrize("path", ["global", "params"])
def test_points_are_those_of_models_unless_ensembles_are_asked_for(client, path):
    asked = f"/reports/models/{path}?start=2025-01-01T00:00:00Z&end=2025-01-02T00:00:00Z"
    plain = {row["model_id"] for row in client.get(asked).json()}
    assert plain == set(FOUR)
    told = {row["model_id"] for row in client.get(f"{asked}&include_ensembles=true").json()}
    assert told == {*FOUR, *IDS}
    one = client.get(f"{asked}&include_ensembles=true&projectIds={IDS[0]}").json()
    assert {row["model_id"] for row in one} == {IDS[0]}


@pytest.mark.parametrize("path", ["/reports/snapshots", "/reports/models", "/reports/predictions"])
def test_nothing_else_tells_of_them(client, path):
    answer = client.get(path)
    assert answer.json()
    assert "__ensemble_" not in answer.text


def test_the_page_has_a_switch(client):
    plain = client.get("/").text
    assert "include_ensembles=true#ensembles" in plain
    assert "exact:" not in plain
    assert "<li>exact: 0." in client.get("/?include_ensembles=true").text


def test_the_command_shows_them_if_asked(combined, monkeypatch):
    monkeypatch.setenv("COORDINATOR_DATABASE_URL", combined.url)
    spec = combined.directory / "spec.json"
    spec.write_text(combined.challenge.model_dump_json(exclude_none=True))
    shown = CliRunner().invoke(coordinator, ["leaderboard", "--spec", str(spec), "--ensembles"])
    assert shown.exit_code == 0, shown.output
    assert "Unranked: exact: an ensemble: compared" in shown.output
    plain = CliRunner().invoke(coordinator, ["leaderboard", "--spec", str(spec)])
    assert "exact" not in plain.output
