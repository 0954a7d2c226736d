"""Model scores and leaderboards in the ledger."""

import json

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode, Written
from tests.storage.examples import HOUR, START, at, leaderboard, model_scores


def test_model_scores_of_the_instants_asked_for_are_read(ledger: Ledger) -> None:
    for minute in (0, 60, 120):
        assert ledger.add_model_scores(model_scores(minute)) == Written(2)
    stored = ledger.model_scores(Mode.REPLAY, [at(0), at(120)])
    assert stored["as_of"].tolist() == [at(0), at(0), at(120), at(120)]
    assert json.loads(stored["metrics_json"][0]) == {"brier": 0.25}
    assert stored["payload_json"].tolist() == [None] * 4
    assert ledger.model_scores(Mode.REPLAY, []).empty
    assert ledger.model_scores(Mode.LIVE, [at(0)]).empty


def test_a_recomputed_model_score_is_a_new_version(ledger: Ledger) -> None:
    ledger.add_model_scores(model_scores(0))
    changed = model_scores(0, version=2, content_hash="def").iloc[:1]
    assert ledger.add_model_scores(changed) == Written(1, revised=1)
    stored = ledger.model_scores(Mode.REPLAY, [at(0)])
    assert stored["content_hash"].tolist() == ["def", "abc"]


def test_a_leaderboard_comes_back_as_it_was(ledger: Ledger) -> None:
    given = leaderboard(60)
    assert ledger.add_leaderboards(given) == Written(1)
    assert ledger.add_leaderboards(given) == Written(0)
    stored = ledger.leaderboards(Mode.REPLAY, START, START + HOUR)
    pd.testing.assert_frame_equal(stored, given)


def test_leaderboards_are_selected_after_and_until(ledger: Ledger) -> None:
    for minute in (0, 60, 120):
        ledger.add_leaderboards(leaderboard(minute))
    assert ledger.leaderboards(Mode.REPLAY, at(0), at(60))["as_of"].tolist() == [at(60)]


def test_the_newest_leaderboard_of_an_instant_is_read(ledger: Ledger) -> None:
    ledger.add_leaderboards(leaderboard(60, final=False))
    ledger.add_leaderboards(leaderboard(60, version=2, content_hash="def"))
    stored = ledger.leaderboards(Mode.REPLAY, at(0), at(60))
    assert stored[["version", "final", "content_hash"]].values.tolist() == [[2, True, "def"]]


def test_the_newest_leaderboard_at_an_instant_is_one_row_or_none(ledger: Ledger) -> None:
    for given in (leaderboard(0), leaderboard(60), leaderboard(60, version=2, content_hash="def")):
        ledger.add_leaderboards(given)
    found = ledger.newest_leaderboard(Mode.REPLAY, at(90))
    assert found[["as_of", "version"]].to_numpy().tolist() == [[at(60), 2]]
    assert ledger.newest_leaderboard(Mode.REPLAY, at(59))["as_of"].tolist() == [at(0)]
    assert ledger.newest_leaderboard(Mode.REPLAY, at(-1)).empty
    assert ledger.newest_leaderboard(Mode.LIVE, at(90)).empty
