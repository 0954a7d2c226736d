"""Rounds that an operator opens, through all stages: asked once, resolved by what is posted."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.ground_truth.resolution import span_to_resolve
from coordinator_pipelines.domain.health.end_to_end import judge, patience
from coordinator_pipelines.domain.rounds.opened_round import due_instants
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import RoundError
from tests.support.live import member
from tests.support.tournament import (
    CONFIG,
    IDS,
    NOON,
    TRUTH,
    Tournament,
    by_size,
    feature_table,
    given,
    tournament,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def cup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tournament:
    return tournament(tmp_path, monkeypatch)


def test_a_round_is_opened_asked_resolved_scored_and_ranked(cup: Tournament) -> None:
    opened = cup.open()
    assert (opened.performed_at, opened.closes_at) == (NOON, NOON + HOUR)
    cup.clock.wait_until(NOON + timedelta(seconds=8))
    cup.capture()
    cells = cup.cells().set_index("model_id")
    assert cells["status"].to_dict() == {"right": "SUCCESS", "wrong": "SUCCESS"}
    assert set(cells["performed_at"]) == {NOON}
    said = json.loads(cells["output_json"]["right"])
    assert said == {"predictions": dict(zip(IDS, [3.0, 1.0, 2.0, 4.0], strict=True))}
    cup.clock.wait_until(NOON + DAY)
    assert cup.post().version == 1
    cup.resolve()
    [truth] = cup.truths().to_dict("records")
    assert (truth["state"], truth["version"]) == ("FINAL", 1)
    assert json.loads(truth["payload_json"]) == {"posting": 1, "truth": TRUTH}
    assert cup.scores().set_index("model_id")["value"].to_dict() == {"right": 1.0, "wrong": -1.0}
    with cup.pipeline.ledger() as ledger:
        board = ledger.newest_leaderboard(Mode.LIVE, cup.clock.now())
        assert ledger.due_rounds(cup.clock.now()) is None
    entries = json.loads(board["entries_json"].item())
    assert [(entry["rank"], entry["model_id"]) for entry in entries] == [(1, "right"), (2, "wrong")]


def test_models_are_given_the_feature_table_and_nothing_else(cup: Tournament) -> None:
    cup.open()
    cup.capture()
    [(ask, members)] = cup.models.asked
    assert members == ["right", "wrong"]
    assert given(ask) == {"ids": IDS, "columns": {"size": [3, 1, 2, 4], "age": [1, None, 0.5, 2]}}
    assert (ask.history, ask.questions[0].ticks) == (None, ())


def test_a_round_is_asked_once(cup: Tournament) -> None:
    cup.open()
    assert cup.capture() is not None
    assert cup.capture() is None
    cup.pipeline.succeed(NOON.replace(hour=0))
    assert len(cup.models.asked) == 1


def test_a_capture_that_is_tried_again_asks_what_is_not_stored(cup: Tournament) -> None:
    cup.open()
    second = Window(NOON, NOON + timedelta(seconds=1))
    with cup.pipeline.ledger() as ledger:
        assert len(list(due_instants(cup.pipeline.challenge, ledger, second))) == 1
        cup.capture()
        assert not list(due_instants(cup.pipeline.challenge, ledger, second))


def test_a_round_that_was_not_asked_before_it_closed_is_missed(cup: Tournament) -> None:
    cup.open()
    cup.clock.wait_until(NOON + HOUR)
    assert cup.capture() is None
    result = cup.pipeline.succeed(NOON.replace(hour=0), job="capture")
    assert cup.cells().empty
    [red] = cup.pipeline.red(result, "coverage").values()
    assert "MISSED 2026-03-01 12:00:00 UTC" in red.problems


def test_an_open_round_is_not_missed_yet(cup: Tournament) -> None:
    cup.open()
    result = cup.pipeline.succeed(NOON.replace(hour=0), job="capture")
    assert not cup.pipeline.red(result, "coverage")


def test_a_round_that_is_open_over_midnight_is_asked_the_next_day(cup: Tournament) -> None:
    cup.open(closes_at=NOON + timedelta(hours=20))
    cup.clock.wait_until(NOON + timedelta(hours=13))
    cup.capture()
    assert cup.cells()["performed_at"].tolist() == [NOON, NOON]


def test_models_that_joined_while_it_was_open_are_asked(cup: Tournament) -> None:
    cup.open()
    cup.clock.wait_until(NOON + timedelta(minutes=5))
    cup.models.join(member("late"), by_size)
    cup.capture()
    assert cup.cells()["model_id"].tolist() == ["late", "right", "wrong"]


ODD_ANSWERS = {
    "short": ([1.0, 2.0], "2 values for 4 rows"),
    "nan": ([1.0, 2.0, float("nan"), 3.0], "row 'b' has nan, not a finite number"),
    "one-less": ({"a": 1, "b": 2, "c": 3}, "row 'd' missing"),
    "one-more": ({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, "unknown row 'e'"),
    "flag": ([True, 1, 2, 3], "row 'c' has True, not a finite number"),
    "huge": ([10**400, 1, 2, 3], "not a finite number"),
    "text": ("all up", "a str, not a list of numbers"),
}


def test_an_answer_has_one_finite_number_per_row(cup: Tournament) -> None:
    for name, (answer, _) in ODD_ANSWERS.items():
        cup.models.join(member(name), lambda *_, answer=answer: answer)
    cup.open()
    cup.capture()
    cells = cup.cells().set_index("model_id")
    assert set(cells.index[cells["status"] == "SUCCESS"]) == {"right", "wrong"}
    assert set(cells.index[cells["status"] == "FAILED"]) == set(ODD_ANSWERS)
    for name, (_, reason) in ODD_ANSWERS.items():
        assert reason in cells.loc[name, "failed_reason"]


def test_no_truth_is_told_before_one_is_posted_and_none_can_be_posted_early(
    cup: Tournament,
) -> None:
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + DAY - timedelta(seconds=1))
    with pytest.raises(RoundError, match="is resolved from 2026-03-02T12:00:00Z on"):
        cup.post(performed_at=NOON)
    cup.clock.wait_until(NOON + 2 * DAY)
    cup.resolve(3)
    assert cup.truths().empty
    assert cup.scores().empty


def test_a_correction_is_a_new_version_of_truth_and_scores(cup: Tournament) -> None:
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + DAY)
    cup.post()
    cup.resolve()
    assert not cup.post(performed_at=NOON).is_new
    corrected = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}
    assert cup.post(corrected, performed_at=NOON).version == 2
    with cup.pipeline.ledger() as ledger:
        assert ledger.due_rounds(cup.clock.now()).first == NOON
    cup.resolve()
    [truth] = cup.truths().to_dict("records")
    assert truth["version"] == 2
    scores = cup.scores().set_index("model_id")
    assert scores["value"].to_dict() == {"right": -1.0, "wrong": 1.0}
    assert set(scores["version"]) == {2}
    before = cup.pipeline.contents()
    cup.resolve()
    assert all(before[name].equals(rows) for name, rows in cup.pipeline.contents().items())


def test_a_correction_and_its_opposite_before_they_are_read_leave_nothing_due(
    cup: Tournament,
) -> None:
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + DAY)
    cup.post()
    cup.resolve()
    cup.post({**TRUTH, "a": 9.0}, performed_at=NOON)
    cup.post(performed_at=NOON)
    cup.resolve()
    with cup.pipeline.ledger() as ledger:
        assert ledger.due_rounds(cup.clock.now()) is None
    assert cup.scores()["value"].tolist() == [1.0, -1.0]


def test_a_truth_after_the_deadline_revises_an_unresolvable_round(cup: Tournament) -> None:
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + 9 * DAY)
    cup.resolve(10)
    [truth] = cup.truths().to_dict("records")
    assert (truth["state"], truth["version"]) == ("UNRESOLVABLE", 1)
    assert truth["reason"] == "no truth was posted by 2026-03-09 12:00:00 UTC"
    cup.post()
    with cup.pipeline.ledger() as ledger:
        span = span_to_resolve(cup.pipeline.challenge, ledger, cup.clock.now())
        assert span.start <= NOON
    cup.resolve(10)
    assert cup.truths()["state"].tolist() == ["FINAL"]
    assert cup.scores()["value"].tolist() == [1.0, -1.0]


def test_rounds_of_one_second_and_of_another_are_each_asked(cup: Tournament) -> None:
    cup.open()
    cup.open(feature_table(size=[1.0, 2.0, 3.0, 4.0]), performed_at=NOON + timedelta(seconds=5))
    cup.capture()
    cup.clock.wait_until(NOON + timedelta(minutes=1))
    cup.capture()
    assert cup.cells()["performed_at"].nunique() == 2
    with cup.pipeline.ledger() as ledger:
        tables = ledger.opened_rounds(NOON, NOON + HOUR, features=True)
    assert tables["prediction_config_id"].tolist() == [CONFIG, CONFIG]


def test_it_works_from_end_to_end_once_a_round_is_scored(cup: Tournament) -> None:
    def verdict():
        now = cup.clock.now()
        with cup.pipeline.ledger() as ledger:
            return judge(
                cup.pipeline.challenge, ledger, expected=[], excepted=[], since=NOON, now=now
            )

    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + DAY)
    assert verdict().missing[0].startswith("no outcome yet of the rounds that were asked (1)")
    cup.post()
    cup.resolve()
    assert verdict().works
    assert patience(cup.pipeline.challenge) > DAY
