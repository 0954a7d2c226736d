"""What may be seen at an instant: observed versions, each once; input too old makes it VOID."""

import json
from datetime import timedelta

import pandas as pd
import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.prediction_batch.question import Sight, ask_window, with_inputs
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.timeline.window import Window
from tests.support.challenges import START, small_challenge
from tests.support.recompute import seconds

MINUTE = timedelta(minutes=1)
TEN = Window(START, START + 10 * MINUTE)


def records(*rows):
    """Versions of records: (minute of the end, close, minute from which it could be seen)."""
    frame = pd.DataFrame(rows, columns=["end", "close", "seen"])
    ends, seen = (
        pd.DatetimeIndex([START + float(m) * MINUTE for m in frame[name]]).as_unit("us")
        for name in ("end", "seen")
    )
    return pd.DataFrame(
        {"subject": "BTCUSDT", "ended_at": ends, "observed_at": seen, "close": frame["close"]}
    )


@pytest.fixture
def challenge(tmp_path):
    return small_challenge(tmp_path)


def asked(challenge, frame, window=TEN):
    """The ask of a window and its rounds."""
    sight = Sight.of(challenge, frame)
    rounds = with_inputs(challenge, grid(challenge, window), sight)
    return ask_window(challenge, load_rules(challenge), window, rounds, sight)


def told(ticks):
    """Minutes and closes in the data of ticks."""
    points = [point for data in ticks for point in data["BTC"]]
    return [((end - seconds(START)) // 60, close) for end, close in points]


def test_the_history_holds_the_newest_version_seen_of_each_record(challenge):
    frame = records((-11, 1.0, -11), (-9, 2.0, -9), (-9, 2.5, -5), (-1, 3.0, -1), (-1, 9.0, 1))
    ask, _ = asked(challenge, frame)
    assert told(ask.history) == [(-9, 2.5), (-1, 3.0)]


def test_a_correction_is_told_when_it_is_seen_and_not_before(challenge):
    frame = records((-1, 3.0, -1), (-1, 9.0, 1.5), (1, 4.0, 1))
    ask, _ = asked(challenge, frame)
    assert [told(question.ticks) for question in ask.questions[:3]] == [[], [(1, 4.0)], [(-1, 9.0)]]


def test_versions_seen_between_two_rounds_are_told_as_the_last_of_them(challenge):
    frame = records((-1, 1.0, -1), (1, 2.0, 1), (1, 2.5, 1.2), (1, 2.7, 1.4), (2, 3.0, 2))
    ask, _ = asked(challenge, frame)
    assert told(ask.questions[1].ticks) == [(1, 2.0)]
    assert told(ask.questions[2].ticks) == [(1, 2.7), (2, 3.0)]


def test_a_record_that_comes_late_is_told_late(challenge):
    frame = records((-1, 1.0, -1), (1, 2.0, 2.5), (2, 3.0, 2.1))
    ask, rounds = asked(challenge, frame)
    assert told(ask.questions[2].ticks) == []
    assert told(ask.questions[3].ticks) == [(1, 2.0), (2, 3.0)]
    ends = rounds["input_ended_at"].tolist()
    assert ends[2] == START - MINUTE
    assert ends[3] == START + 2 * MINUTE


def test_rounds_whose_input_is_too_old_are_void_and_ask_nothing(challenge):
    ask, rounds = asked(challenge, records((0, 1.0, 0), (9, 2.0, 9)))
    assert rounds["status"].tolist() == ["ASKED"] * 4 + ["VOID"] * 5 + ["ASKED"]
    assert [question.performed_at for question in ask.questions] == [
        START + k * MINUTE for k in (0, 1, 2, 3, 9)
    ]
    void = rounds[rounds["status"] == "VOID"]
    assert set(void["reason"]) == {
        "newest record ended 2025-01-01 02:00:00 UTC, beyond the limit of 180 s"
    }
    assert void["input_json"].isna().all()


def test_what_ended_before_the_look_back_of_a_round_is_nothing_to_it(challenge):
    _, rounds = asked(challenge, records((-8, 1.0, -8)))
    told = [*["newest record ended 2025-01-01 01:52:00 UTC, beyond the limit of 180 s"] * 3,
            *["no record within the staleness limit (180 s)"] * 7]  # fmt: skip
    assert rounds["reason"].tolist() == told
    assert rounds["input_ended_at"].notna().tolist() == [True] * 3 + [False] * 7


def test_without_any_record_every_round_is_void(challenge):
    ask, rounds = asked(challenge, records((0, 1.0, 0)).iloc[:0])
    assert set(rounds["status"]) == {"VOID"}
    assert set(rounds["reason"]) == {"no record within the staleness limit (180 s)"}
    assert ask.questions == ()


def test_the_input_of_a_round_is_stored_as_it_was_told(challenge):
    frame = records(*((k, 100.0 + k, k) for k in range(-5, 10)))
    ask, rounds = asked(challenge, frame)
    inputs = [json.loads(text) if text else None for text in rounds["input_json"]]
    assert [inputs[0]] == list(ask.history)
    assert [(data,) for data in inputs[1:]] == [question.ticks for question in ask.questions[1:]]
    assert [json.loads(text)["horizon"] for text in rounds["scope_json"]] == [60] * 10


def test_the_name_of_an_ask_says_challenge_and_window(challenge):
    ask, _ = asked(challenge, records((0, 1.0, 0)))
    assert ask.name == "small 2025-01-01T02:00:00Z"


@pytest.fixture
def by_record(tmp_path):
    return small_challenge(tmp_path, model_interface={"tick_per": "record"})


def test_where_a_tick_is_of_one_record_the_warm_up_is_told_record_by_record(by_record):
    frame = records((-11, 1.0, -11), (-9, 2.0, -9), (-9, 2.5, -5), (-1, 3.0, -1), (1, 4.0, 1))
    ask, rounds = asked(by_record, frame)
    assert [told([data]) for data in ask.history] == [[(-9, 2.5)], [(-1, 3.0)]]
    assert [told(question.ticks) for question in ask.questions[:2]] == [[], [(1, 4.0)]]
    assert json.loads(rounds["input_json"].iloc[0]) == list(ask.history)
    assert rounds["input_json"].iloc[2] == "null"


def test_so_is_what_comes_late_or_all_at_once(by_record):
    frame = records((-1, 1.0, -1), (2, 3.0, 2.1), (1, 2.0, 2.5))
    ask, _ = asked(by_record, frame)
    assert ask.questions[2].ticks == ()
    assert [told([data]) for data in ask.questions[3].ticks] == [[(1, 2.0)], [(2, 3.0)]]
