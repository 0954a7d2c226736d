"""When a board is final: every round that was due by then has a told outcome."""

from datetime import timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import GROUND_TRUTH_COLUMNS
from coordinator_pipelines.domain.ground_truth.finality import final_boards, truth_span
from coordinator_pipelines.domain.rounds.grid import grid
from tests.domain.score.scoring_cases import START, challenge, config, instant, truths

HOUR = timedelta(hours=1)
WINDOWS = {"recent": 1, "anchor": 3}


def spec(**changes):
    return challenge(trailing_windows_hours=WINDOWS, **changes)


def final(challenge, told_truths, as_of, stored_until=None):
    rounds = grid(challenge, truth_span(challenge, as_of))
    return final_boards(challenge, rounds, told_truths, as_of, stored_until or max(as_of))


def told(*minutes):
    return truths(*((minute, 1.0) for minute in minutes))


def test_a_board_is_final_once_every_round_due_by_then_is_told():
    as_of = START + HOUR
    assert final(spec(), told(*range(60)), [as_of]) == {as_of: True}
    assert final(spec(), told(*range(59)), [as_of]) == {as_of: False}


def test_a_board_is_not_final_while_answers_of_before_may_still_be_stored():
    as_of, minute = START + HOUR, timedelta(minutes=1)
    assert final(spec(), told(*range(60)), [as_of], as_of - minute) == {as_of: False}


def test_an_outcome_that_cannot_be_told_is_told():
    some = truths(*((k, "UNRESOLVABLE" if k % 2 else "VOID") for k in range(60)))
    assert final(spec(), some, [START + HOUR]) == {START + HOUR: True}


def test_a_hole_in_the_longest_window_keeps_a_board_open_and_no_other():
    hole = told(*(k for k in range(360) if k != 100))
    boards = [START + k * HOUR for k in range(1, 7)]
    found = final(spec(), hole, boards)
    assert [found[board] for board in boards] == [True, False, False, False, True, True]


def test_rounds_before_the_start_are_not_waited_for():
    assert final(spec(), told(*range(60)), [START + HOUR])[START + HOUR]
    nothing = told().reindex(columns=list(GROUND_TRUTH_COLUMNS))
    assert final(spec(), nothing, [START]) == {START: True}


def test_outcomes_of_a_config_that_is_no_longer_active_count_for_nothing():
    idle = {**config("idle"), "scope_key": "idle", "active": False}
    changed = spec(scheduled_prediction_configs=[config(), idle])
    stored = pd.concat(
        [told(*range(60)), truths(*((k, 1.0) for k in range(0, 60, 2)), config_id="idle")]
    )
    assert final(changed, stored, [START + HOUR]) == {START + HOUR: True}
    lacking = pd.concat([told(*range(57)), truths(*((k, 1.0) for k in range(2)), config_id="idle")])
    assert final(changed, lacking, [instant(60)]) == {instant(60): False}


def test_a_board_between_two_windows_ends_is_interim_whatever_is_told():
    as_of = START + HOUR + timedelta(minutes=5)
    assert final(spec(), told(*range(65)), [as_of]) == {as_of: False}
