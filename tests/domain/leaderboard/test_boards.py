"""Boards from a ledger: what they read is enough, at the end of a window and within one."""

import json
from datetime import timedelta

import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
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
