"""What ensembles say over HTTP: told to whom, and never so that a single answer is given away."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from coordinator_pipelines.api.http.keys import Tier, add_key
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.ensemble.signal import EnsembleSignal, signal_of_round
from coordinator_pipelines.domain.ensemble.weights import Weights, everybody
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import NOW, Filled, execute, micros, serving
from tests.api.test_ensembles import ENSEMBLES
from tests.support.challenges import FIRST_BAR, START, WINDOW, small_challenge
from tests.support.participants import FOLLOWER, HALF, write_participants
from tests.support.pipeline import Pipeline
from tests.support.prices import closes_from, walk, write_candles

BODIES = {"half": HALF, "follower": FOLLOWER, "other": HALF}
METRICS = [
    {"name": "long", "statistic": "mean", "window": "long"},
    {"name": "short", "statistic": "mean", "window": "short"},
] + [
    {"name": name, "statistic": name, "window": "long", "minimum_samples": 3}
    for name in ("ic", "model_correlation", "ensemble_correlation", "contribution", "fnc")
]
LAST = START + 4 * WINDOW
MEAN = EnsembleSpec(**ENSEMBLES[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("signals")
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(300)))
    write_participants(directory, BODIES)
    challenge = small_challenge(directory, ensembles=ENSEMBLES, metrics=METRICS)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = Pipeline(challenge, directory, monkeypatch)
        pipeline.succeed(START, 4)
    return Filled(challenge, pipeline.url, directory)


@pytest.fixture
def client(made):
    with serving(made.challenge, made.url) as client:
        yield client


def test_the_newest_signal_combines_the_answers_of_the_newest_round(client):
    [mean, exact] = client.get("/signals/ensemble").json()
    assert (mean["ensemble_name"], mean["model_id"]) == ("mean", "__ensemble_mean__")
    assert exact["strategy"] == "inverse_variance"
    [told] = mean["signals"]
    answers = client.get(f"/reports/predictions?start={told['performed_at']}").json()
    assert told["models"] == len(answers) == 3
    assert told["resolved"]
    outputs = client.get("/signals/ensemble/mean").json()["signals"][0]["output"]
    assert told["value"] == pytest.approx(outputs["p_up"] - 0.5)


def test_the_past_is_what_is_stored_newest_first(client):
    rows = client.get("/signals/ensemble/exact/history?limit=7").json()
    assert len(rows) == 7
    instants = [row["performed_at"] for row in rows]
    assert instants == sorted(instants, reverse=True)
    assert all(row["score"] is not None and row["output"] for row in rows)
    earlier = client.get(f"/signals/ensemble/exact/history?until={instants[-1]}").json()
    assert earlier[0]["performed_at"] < instants[-1]


def test_metrics_over_time_are_told_of_one_or_all(client):
    rows = client.get("/reports/ensemble/history").json()
    assert {row["ensemble_name"] for row in rows} == {"mean", "exact"}
    one = client.get("/reports/ensemble/history?ensemble_name=mean&limit=2").json()
    assert one == [row for row in rows if row["ensemble_name"] == "mean"][:2]


def test_diversity_tells_who_says_the_same(client):
    rows = {row["model_id"]: row for row in client.get("/reports/diversity").json()}
    assert set(rows) == set(BODIES)
    follower = rows["follower"]
    assert client.get("/reports/models/follower/diversity").json() == follower
    assert follower["snapshot_period_end"] == f"{LAST:%Y-%m-%dT%H:%M:%SZ}"
    correlation = follower["metrics"]["model_correlation"]
    expected = None if correlation is None else max(0, 1 - abs(correlation))
    assert follower["diversity_score"] == expected
    assert set(follower["metrics"]) == {metric["name"] for metric in METRICS[2:]}
    assert client.get("/reports/diversity?limit=1").json() == [min(rows.values(), key=_rank)]


def _rank(row):
    return (row["rank"] is None, row["rank"], row["model_id"])


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/signals/ensemble/nobody", 404, "mean, exact"),
        ("/signals/ensemble/nobody/history", 404, "mean, exact"),
        ("/reports/ensemble/history?ensemble_name=nobody", 404, "mean, exact"),
        ("/reports/models/nobody/diversity", 404, "nobody"),
        ("/reports/models/__ensemble_mean__/diversity", 404, "__ensemble_mean__"),
        ("/signals/ensemble/mean/history?since=2024-01-01T00:00:00Z", 422, "31 days"),
        ("/signals/ensemble/mean/history?limit=501", 422, "limit"),
        ("/reports/ensemble/history?since=2026-01-01T00:00:00Z&until=2025-01-01T00:00:00Z", 422,
         "after until"),
        ("/reports/diversity?limit=0", 422, "limit"),
    ],
)  # fmt: skip
def test_what_is_not_there_or_wrong_is_said(client, path, status, said):
    answer = client.get(path)
    assert answer.status_code == status
    assert said in answer.text


def copy_of(made: Filled, directory) -> Filled:
    directory.mkdir()
    shutil.copy(made.url.removeprefix("sqlite:///"), directory / "ledger.db")
    return replace(made, url=f"sqlite:///{directory / 'ledger.db'}")


def unresolved(made, tmp_path, asked: list[str]) -> dict:
    """The signals of a copy in which the newest round has no truth and only these answered."""
    copied = copy_of(made, tmp_path)
    newest = micros(LAST) - 60_000_000
    execute(copied, f"DELETE FROM ground_truths WHERE performed_at = {newest}")
    names = ", ".join(f"'{name}'" for name in asked)
    execute(
        copied,
        f"DELETE FROM predictions WHERE performed_at = {newest} AND model_id NOT IN ({names})",
    )
    with serving(copied.challenge, copied.url) as client:
        second = client.get("/signals/ensemble/exact").json()["signals"][0]
        assert second["output"] is None
        return client.get("/signals/ensemble/mean").json()["signals"][0]


def test_before_the_outcome_few_answers_are_not_told_as_one(made, tmp_path):
    few = unresolved(made, tmp_path / "few", ["half", "follower"])
    assert (few["resolved"], few["output"], few["value"], few["models"]) == (False, None, None, 2)
    assert "fewer than 3" in few["withheld"]
    enough = unresolved(made, tmp_path / "enough", list(BODIES))
    assert (enough["resolved"], enough["withheld"]) == (False, None)
    assert enough["output"]["p_up"] is not None


def test_before_the_outcome_a_mixture_does_not_list_the_densities_of_models(made):
    rows = newest_round(made)
    density = '{"name":"norm","params":{"loc":0.125,"scale":1},"type":"builtin"}'
    rows = rows.assign(output_json=density, status="SUCCESS")
    rows["answer_hash"] = answer_hashes(rows)
    told = [
        signal_of_round(made.challenge, MEAN, rows, everybody, is_resolved=known)
        for known in (False, True)
    ]
    assert told[0].output is None
    assert "single models" in told[0].withheld
    assert told[1].output["type"] == "mixture"


def newest_round(made: Filled) -> pd.DataFrame:
    with closing(SqlLedger(made.url)) as ledger:
        return ledger.predictions(Mode.REPLAY, LAST - timedelta(minutes=1), LAST)


def test_before_the_outcome_no_model_outweighs_all_others(made):
    def weights(largest: float) -> EnsembleSignal:
        of = {"half": largest, "follower": (1 - largest) / 2, "other": (1 - largest) / 2}
        return signal_of_round(
            made.challenge, MEAN, newest_round(made), lambda at: Weights(at, of, "given"),
            is_resolved=False,
        )  # fmt: skip

    assert weights(0.5).withheld is None
    assert "more than 50%" in (weights(0.51).withheld or "")


def test_before_the_outcome_one_ensemble_is_told_so_that_nothing_is_their_difference(made):
    rows = newest_round(made)
    told = [
        signal_of_round(made.challenge, spec, rows, everybody, is_resolved=known).output is None
        for spec in made.challenge.ensembles
        for known in (False, True)
    ]
    assert told == [False, False, True, False]


def test_an_answer_that_was_changed_has_no_part_in_it(made, tmp_path):
    copied = copy_of(made, tmp_path / "changed")
    newest = micros(LAST) - 60_000_000
    changed = json.dumps({"p_up": 0.999})
    execute(
        copied,
        f"UPDATE predictions SET output_json = '{changed}' "
        f"WHERE performed_at = {newest} AND model_id = 'half'",
    )
    with serving(copied.challenge, copied.url) as client:
        assert client.get("/signals/ensemble/mean").json()["signals"][0]["models"] == 2


def test_with_keys_signals_are_for_those_who_have_one(made, tmp_path):
    keys = tmp_path / "keys.json"
    token = add_key(keys, "desk", Tier.READ, None, NOW)
    with serving(made.challenge, made.url, keys=keys) as client:
        for path in ("/signals/ensemble", "/signals/ensemble/mean/history"):
            assert client.get(path).status_code == 401
            assert client.get(path, {"X-API-Key": token}).status_code == 200
        assert client.get("/reports/diversity").status_code == 200
