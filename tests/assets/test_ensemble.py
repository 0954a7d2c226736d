"""Ensembles as an operator runs them: a stage of its own where a spec declares any."""

import json
import shutil
from collections import Counter
from contextlib import closing
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.ensemble.ensemble import weights_as_of
from coordinator_pipelines.domain.ensemble.ensembles import EnsembleStage
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.assets.conftest import pipeline_maker
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import LATER, keys

WINDOWS = 4
SPAN = Window(START, START + WINDOWS * WINDOW)
ENSEMBLES = [
    {"name": "mean"},
    {"name": "exact", "strategy": "inverse_variance", "minimum_samples": 5},
    {"name": "stack", "strategy": "log_score", "minimum_samples": 5},
    {"name": "top", "top_n": 1, "minimum_samples": 5},
]
IDS = [f"__ensemble_{each['name']}__" for each in ENSEMBLES]
TOLD = ["performed_at", "model_id", "value", "output_json", "members_json"]


@pytest.fixture(scope="module")
def combined(undisturbed):
    """What is scored already, with ensembles run over four windows. Only to be read."""
    home = undisturbed.home.with_name("combined")
    home.mkdir()
    shutil.copy(undisturbed.home / "ledger.db", home)
    with pytest.MonkeyPatch.context() as monkeypatch:
        make = pipeline_maker(home.parent, monkeypatch)
        pipeline = make(home.name, url=f"sqlite:///{home / 'ledger.db'}", ensembles=ENSEMBLES)
        pipeline.succeed(START, WINDOWS, assets=["ensemble", "model_scores", "leaderboard"])
    return pipeline


@pytest.fixture
def copy(combined, tmp_path):
    """A ledger with the same content, which may be changed, and its URL."""
    shutil.copy(combined.home / "ledger.db", tmp_path / "copy.db")
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    bucket = combined.challenge.statistics_bucket
    with closing(SqlLedger(url, statistics_bucket=bucket)) as ledger:
        yield ledger, url


def change(url, statement, **values):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)
    engine.dispose()


def stage_of(pipeline, ledger):
    rules = load_rules(pipeline.challenge)
    return EnsembleStage(pipeline.challenge, rules, ledger, Mode.REPLAY, "again")


def answers_of(pipeline):
    with pipeline.ledger() as ledger:
        return ledger.ensemble_answers(Mode.REPLAY, SPAN.start, SPAN.end)


def test_each_round_with_an_outcome_has_an_answer_of_each_ensemble(combined):
    answers = answers_of(combined)
    with combined.ledger() as ledger:
        truths = ledger.ground_truths(SPAN.start, SPAN.end)
    final = truths[truths["state"] == "FINAL"]
    for model_id in IDS:
        own = answers[answers["model_id"] == model_id]
        assert own["performed_at"].tolist() == final["performed_at"].tolist()
        assert own["value"].notna().all()
    metadata = combined.metadata("ensemble")
    assert set(metadata) == set(keys(START, WINDOWS, WINDOW))
    assert sum(each["answers"] for each in metadata.values()) == len(answers)


def test_the_mean_is_that_of_what_was_answered_and_is_scored_as_everybody_is(combined):
    answers = answers_of(combined).query("model_id == '__ensemble_mean__'")
    with combined.ledger() as ledger:
        predictions = ledger.predictions(Mode.REPLAY, SPAN.start, SPAN.end)
        truths = ledger.ground_truths(SPAN.start, SPAN.end).set_index("performed_at")
    said = predictions[predictions["status"] == "SUCCESS"]
    said = said.assign(p=[json.loads(text)["p_up"] for text in said["output_json"]])
    by_round = dict(tuple(said.groupby("performed_at")))
    for row in answers.itertuples():
        own, outcome = by_round[row.performed_at], truths.loc[row.performed_at, "outcome"]
        p = json.loads(row.output_json)["p_up"]
        assert p == pytest.approx(own["p"].mean(), rel=1e-11)
        assert row.value == pytest.approx(1 - (p - outcome) ** 2)
        members = json.loads(row.members_json)
        assert set(members) == set(own["model_id"])
        for model, (share, without) in members.items():
            rest = own.loc[own["model_id"] != model, "p"].mean()
            assert share == pytest.approx(1 / len(own))
            assert without == pytest.approx(1 - (rest - outcome) ** 2)


def test_the_weights_of_a_round_are_those_that_are_stored(combined):
    answers = answers_of(combined)
    with combined.ledger() as ledger:
        instants = [at.to_pydatetime() for at in answers["weights_as_of"].unique()]
        stored = ledger.ensemble_weights(Mode.REPLAY, instants)
    told = {(row.as_of, row.model_id): json.loads(row.weights_json) for row in stored.itertuples()}
    later = 0
    for row in answers.itertuples():
        at = weights_as_of(combined.challenge, row.performed_at.to_pydatetime())
        assert row.weights_as_of == at
        if row.model_id == "__ensemble_mean__":
            continue
        weights = told[row.weights_as_of, row.model_id]["weights"]
        members = {model: share for model, (share, _) in json.loads(row.members_json).items()}
        assert sum(members.values()) == pytest.approx(1)
        if weights is not None:
            later += 1
            total = sum(weights[model] for model in members)
            for model, share in members.items():
                assert share == pytest.approx(weights[model] / total, abs=1e-8)
    assert later > 60  # the first rounds have no past


def test_inverse_variance_is_recomputed_from_answers_and_outcomes(combined):
    with combined.ledger() as ledger:
        predictions = ledger.predictions(Mode.REPLAY, SPAN.start, SPAN.end)
        truths = ledger.ground_truths(SPAN.start, SPAN.end)
        at = START + 3 * WINDOW
        stored = ledger.ensemble_weights(Mode.REPLAY, [at])
    cells = predictions[predictions["status"] == "SUCCESS"].merge(
        truths.loc[truths["state"] == "FINAL", ["performed_at", "outcome"]], on="performed_at"
    )
    cells = cells[cells["resolvable_at"] <= at]
    said = np.array([json.loads(text)["p_up"] for text in cells["output_json"]])
    errors = cells.assign(error=(said - cells["outcome"]) ** 2).groupby("model_id")["error"].mean()
    wanted = (1 / errors) / (1 / errors).sum()
    own = json.loads(stored.set_index("model_id").loc["__ensemble_exact__", "weights_json"])
    assert own["weights"] == pytest.approx(wanted.to_dict(), abs=1e-8)


def test_a_second_run_adds_nothing_and_a_window_alone_is_the_same(combined, copy):
    ledger, _ = copy
    before = ledger.ensemble_answers(Mode.REPLAY, SPAN.start, SPAN.end)
    stage = stage_of(combined, ledger)
    for start in (START + 2 * WINDOW, START, START + 3 * WINDOW, START + WINDOW):
        assert stage.compute(Window(start, start + WINDOW), LATER).added == 0
    assert stage.compute(SPAN, LATER).added == 0
    assert ledger.ensemble_answers(Mode.REPLAY, SPAN.start, SPAN.end).equals(before)


class Counting:
    """A ledger that counts what is asked of it."""

    def __init__(self, ledger):
        self.ledger, self.asked = ledger, Counter()

    def __getattr__(self, name):
        self.asked[name] += 1
        return getattr(self.ledger, name)


def test_the_past_is_read_once_whatever_the_ensembles_and_rounds(combined, copy):
    ledger = Counting(copy[0])
    stage_of(combined, ledger).compute(SPAN, LATER)
    assert ledger.asked["score_statistics"] == 1
    assert ledger.asked["predictions"] == 3  # the span, and the two days that its past touches


@pytest.mark.parametrize("minute", [14, 27, 41, 44])
def test_nothing_depends_on_an_outcome_that_was_not_known_yet(combined, copy, minute):
    """Every later outcome is turned round: no answer that was asked before changes."""
    ledger, url = copy
    known_until = START + timedelta(minutes=minute)
    late = {"at": microseconds(known_until)}
    change(url, "DELETE FROM ensemble_answers")
    change(url, "DELETE FROM ensemble_weights")
    change(url, "UPDATE ground_truths SET outcome = 1 - outcome WHERE resolvable_at > :at", **late)
    change(url, "UPDATE scores SET value = 1 - value WHERE resolvable_at > :at", **late)
    change(
        url,
        "UPDATE score_statistics SET total = n - total WHERE bucket_end > :at",
        **late,
    )
    stage_of(combined, ledger).compute(SPAN, LATER)
    now = ledger.ensemble_answers(Mode.REPLAY, SPAN.start, SPAN.end)
    both = answers_of(combined).merge(now, on=["performed_at", "model_id"], how="outer")
    changed = both["output_json_x"] != both["output_json_y"]
    finality = timedelta(seconds=62)
    asked = both["performed_at"] < known_until + finality
    assert not changed[asked].any()
    assert changed[~asked].any()  # it would be seen


def test_they_stand_beside_the_board_and_not_on_it(combined):
    with combined.ledger() as ledger:
        board = ledger.newest_leaderboard(Mode.REPLAY, SPAN.end).iloc[0]
        points = ledger.model_scores(Mode.REPLAY, [SPAN.end])
    entries, meta = json.loads(board["entries_json"]), json.loads(board["meta_json"])
    assert {entry["model_id"] for entry in entries} == {"half", "follower", "shy", "broken"}
    beside = {entry["model_id"]: entry for entry in meta["ensembles"]["entries"]}
    assert sorted(beside) == sorted(IDS)
    assert set(points["model_id"]) == {*beside, *(entry["model_id"] for entry in entries)}
    answers = answers_of(combined)
    due = answers[answers["resolvable_at"] > SPAN.end - timedelta(hours=2)]
    for model_id, entry in beside.items():
        own = due[due["model_id"] == model_id]
        assert entry["score"]["metrics"]["long"] == pytest.approx(own["value"].mean())
        assert entry["score"]["payload"]["windows"]["long"]["n"] == len(own)
        assert entry["score"]["payload"]["windows"]["long"]["coverage"] == 1.0
        assert entry["rank"] is None
        assert "neither ranked nor paid" in entry["unranked_reason"]
    assert json.dumps(board["meta_json"]).count("__ensemble_") == len(IDS)


def test_a_contribution_is_the_score_with_a_model_less_that_without_it(combined):
    with combined.ledger() as ledger:
        board = ledger.newest_leaderboard(Mode.REPLAY, SPAN.end).iloc[0]
    answers = answers_of(combined)
    for entry in json.loads(board["entries_json"]):
        for name, told in entry["score"]["contributions"].items():
            own = answers[answers["model_id"] == f"__ensemble_{name}__"]
            without = [
                json.loads(text).get(entry["model_id"], [0, value])[1]
                for value, text in zip(own["value"], own["members_json"], strict=True)
            ]
            added = own["value"] - pd.array(without, dtype="float64")
            assert told["value"] == pytest.approx(added.mean(), rel=1e-6)
            low, high = told["interval"]
            assert low <= told["value"] <= high
            assert told["rounds"] == len(own)
        assert set(entry["score"]["contributions"]) == {each["name"] for each in ENSEMBLES}


def test_an_outcome_that_is_revised_is_answered_again_beside_what_was(combined, copy):
    ledger, url = copy
    at = START + timedelta(minutes=16)
    change(
        url,
        "UPDATE ground_truths SET outcome = 1 - outcome, version = 2 WHERE performed_at = :at",
        at=microseconds(at),
    )
    void = at + timedelta(minutes=1)
    change(
        url, "UPDATE ground_truths SET state = 'VOID' WHERE performed_at = :at",
        at=microseconds(void),
    )  # fmt: skip
    stage_of(combined, ledger).compute(SPAN, LATER)
    answers = ledger.ensemble_answers(Mode.REPLAY, SPAN.start, SPAN.end)
    again = answers[answers["performed_at"] == at]
    assert (again["version"] == 2).all()
    assert (again["truth_version"] == 2).all()
    taken_back = answers[answers["performed_at"] == void]
    assert taken_back["status"].tolist() == ["VOID"] * len(IDS)
    assert taken_back["value"].isna().all()
    boards = Boards(
        combined.challenge, load_rules(combined.challenge), ledger, Mode.REPLAY, "b", LATER
    )
    rows = boards.model_scores([SPAN.end]).set_index("model_id")
    payload = json.loads(rows.loc["__ensemble_mean__", "payload_json"])
    assert payload["windows"]["long"]["n"] == len(answers_of(combined)) / len(IDS) - 1


def test_an_answer_that_was_changed_in_the_database_is_not_combined(combined, copy):
    ledger, url = copy
    at = START + timedelta(minutes=50)
    change(
        url,
        """UPDATE predictions SET output_json = '{"p_up": 1.0}'
           WHERE performed_at = :at AND model_id = 'follower'""",
        at=microseconds(at),
    )
    stage_of(combined, ledger).compute(SPAN, LATER)
    answers = ledger.ensemble_answers(Mode.REPLAY, at, at + timedelta(minutes=1))
    mean = answers[answers["model_id"] == "__ensemble_mean__"].iloc[0]
    assert "follower" not in json.loads(mean["members_json"])


def test_a_challenge_without_ensembles_has_no_trace_of_them(undisturbed):
    with undisturbed.ledger() as ledger:
        board = ledger.newest_leaderboard(Mode.REPLAY, SPAN.end).iloc[0]
    assert "ensembles" not in json.loads(board["meta_json"])
    assert "contributions" not in json.loads(board["entries_json"])[0]["score"]
    assert len(undisturbed.rows("ensemble_answers")) == 0
    assert undisturbed.metadata("ensemble") == {}
    assert pd.api.types.is_list_like(undisturbed.metadata("model_scores"))
