"""Boards from a ledger: what they read is enough, at the end of a window and within one."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.leaderboard.sure_boards import SureBoards
from coordinator_pipelines.domain.timeline.window import windows_between
from tests.support.challenges import FIRST_BAR, START, WINDOW, small_challenge
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import LATER, Pipeline
from tests.support.prices import closes_from, walk, write_candles
from tests.support.recompute import same_number

SPAN = (START, START + 6 * WINDOW)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The small challenge after its first six windows."""
    directory = tmp_path_factory.mktemp("boards")
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(200)))
    write_participants(directory, FOUR)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = Pipeline(small_challenge(directory), directory / "home", monkeypatch)
        pipeline.succeed(START, 6)
    return pipeline


@pytest.fixture
def ledger(run):
    with run.ledger() as ledger:
        yield ledger


@pytest.fixture
def boards(run, ledger):
    return Boards(run.challenge, load_rules(run.challenge), ledger, Mode.REPLAY, "again", LATER)


def means(ledger, as_of, hours):
    scores = ledger.scores(Mode.REPLAY, *SPAN)
    after = as_of - timedelta(hours=hours)
    inside = scores[(scores["resolvable_at"] > after) & (scores["resolvable_at"] <= as_of)]
    return inside.groupby("model_id")["value"].mean()


@pytest.mark.parametrize("minutes", [1, 7, 15, 29, 30, 61, 74, 75, 89, 90])
def test_a_mean_at_any_instant_is_the_mean_of_the_scores_in_its_window(boards, ledger, minutes):
    as_of = START + timedelta(minutes=minutes)
    rows = boards.model_scores([as_of])
    for name, hours in boards.challenge.trailing_windows_hours.items():
        expected = means(ledger, as_of, hours)
        for row in rows.itertuples():
            value = json.loads(row.metrics_json)[name]
            assert same_number(value, expected.get(row.model_id))


def test_boards_asked_for_together_equal_boards_asked_for_alone(boards):
    instants = [START + timedelta(minutes=k) for k in (15, 20, 45, 90)]
    together = boards.model_scores(instants)
    for instant in instants:
        alone = boards.model_scores([instant])
        own = together[together["as_of"] == instant]
        assert own["content_hash"].tolist() == alone["content_hash"].tolist()


def test_a_replay_has_reached_the_windows_of_its_rounds_and_live_goes_with_the_clock(run, ledger):
    windows = list(windows_between(START, START + 9 * WINDOW, WINDOW))
    rules = load_rules(run.challenge)
    replay = Boards(run.challenge, rules, ledger, Mode.REPLAY, "again", LATER)
    live = Boards(run.challenge, rules, ledger, Mode.LIVE, "again", LATER)
    assert replay.reached(windows) == windows[:6]
    assert live.reached(windows) == windows


def test_stored_boards_that_still_hold_are_not_outdated(boards, ledger):
    assert boards.outdated(ledger.leaderboards(Mode.REPLAY, *SPAN)).empty
    assert boards.outdated(ledger.leaderboards(Mode.REPLAY, *SPAN).iloc[:0]).empty


def test_boards_of_record_say_how_sure_they_are_of_the_value_that_ranks(run, ledger):
    stored = ledger.leaderboards(Mode.REPLAY, *SPAN)
    entries = json.loads(stored["entries_json"].iloc[-1])
    told = json.loads(stored["meta_json"].iloc[-1])["certainty"]
    for name in run.challenge.trailing_windows_hours:
        assert told["windows"][name]["reason"] is None
        for entry in entries:
            sure = entry["score"]["certainty"]["windows"][name]
            assert sure["value"] == pytest.approx(entry["score"]["metrics"][name], rel=1e-7)
            assert sure["interval"][0] <= sure["value"] <= sure["interval"][1]
            assert sure["tier"] is not None


@pytest.mark.parametrize(
    ("mode", "as_of", "scores", "told"),
    [
        (Mode.LIVE, START + timedelta(minutes=40), 6_000, True),
        (Mode.LIVE, START + timedelta(minutes=40), 25_100, False),
        (Mode.LIVE, START + WINDOW, 1_000_000, True),
        (Mode.REPLAY, START + WINDOW, 5_000, True),
        (Mode.REPLAY, START + WINDOW, 5_100, False),
        (Mode.REPLAY, START + timedelta(hours=22), 1_000_000, True),
    ],
)
def test_how_sure_a_board_is_is_told_of_days_of_record_and_while_scores_are_few(
    boards, ledger, mode, as_of, scores, told
):
    first = START + timedelta(minutes=40)
    frame = boards.leaderboards([first], boards.model_scores([first]))
    entries = json.loads(frame["entries_json"].iloc[0])
    for entry in entries:
        for window in entry["score"]["payload"]["windows"].values():
            window["n"] = scores // len(entries)
    facts = SureBoards(boards.challenge, boards.rules, ledger, mode, []).tell(entries, as_of)[1]
    assert ("windows" in facts) is told
    assert told or "told at the end of a day" in facts["reason"]


def test_an_aggregator_of_the_challenges_own_has_metrics_of_which_nothing_is_known(boards):
    def aggregate(scored, models):
        return [scored, models]

    as_of = START + WINDOW
    rows = boards.model_scores([as_of])
    own = replace(boards, rules=replace(boards.rules, aggregate=aggregate))
    [meta] = own.leaderboards([as_of], rows)["meta_json"]
    assert json.loads(meta)["certainty"] == {
        "reason": "the challenge computes its metrics by code of its own"
    }
