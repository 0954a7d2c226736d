import json
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.author.metrics import with_authors_metrics
from coordinator_pipelines.domain.doors.ledger import LEADERBOARD_COLUMNS, MODEL_SCORE_COLUMNS, Mode
from coordinator_pipelines.domain.leaderboard.leaderboard import (
    inconsistencies,
    leaderboards,
)
from coordinator_pipelines.domain.membership.standing import histories, standings
from coordinator_pipelines.domain.model_score.model_score import model_scores
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.score.statistics import score_statistics
from coordinator_pipelines.domain.values.errors import CallableError
from tests.domain.score.scoring_cases import challenge, instant, memberships, rules, scores

HOUR = 60
ORDER = {"minimum_samples": 2, "minimum_coverage": 0.5}


def spec(metrics=("mean",), direction="desc", score_direction="desc", **ranking):
    names = [{"name": name, "statistic": name, "window": "anchor"} for name in metrics]
    order = {"key": metrics[0], "tie_breakers": list(metrics[1:]), "direction": direction}
    return challenge(
        metrics=names, ranking={**order, **ORDER, **ranking}, score_direction=score_direction
    )


def model_rows(rows, members, given_spec, minutes=(HOUR,)):
    statistics = score_statistics(rows, given_spec.statistics_bucket)
    instants = [instant(m) for m in minutes]
    return model_scores(given_spec, statistics, members, instants, mode=Mode.REPLAY, run_id="run")


def boards(rows, members, given_spec=None, *, minutes=(HOUR,), final=True, run_id="run", **changes):
    given_spec = given_spec or spec()
    return leaderboards(
        given_spec, rules(**changes), model_rows(rows, members, given_spec, minutes), members,
        {instant(m): final for m in minutes}, mode=Mode.REPLAY, run_id=run_id,
        certainty=untold,
    )  # fmt: skip


def untold(_entries, _as_of):
    """Boards are ranked the same, whatever is told of how sure they are."""
    return {}, {}


def board(*args, **options):
    frame = boards(*args, **options)
    assert len(frame) == 1
    return json.loads(frame["entries_json"].iloc[0])


def values(**by_model):
    return scores(*(
        (minute, model, value)
        for model, given_values in by_model.items()
        for minute, value in enumerate(given_values, 1)
    ))  # fmt: skip


def members(*names):
    return memberships(*((name, 0, None) for name in names))


def order(entries):
    return [(entry["rank"], entry["model_id"]) for entry in entries]


def reasons(entries):
    return {entry["model_id"]: entry["unranked_reason"] for entry in entries}


def test_models_are_ranked_by_the_key_and_an_entry_says_what_decided():
    entries = board(values(a=[0.1, 0.3], b=[0.9, 0.7]), members("a", "b"))

    assert order(entries) == [(1, "b"), (2, "a")]
    best = entries[0]
    assert (best["model_name"], best["cruncher_name"]) == ("B", "owner of b")
    assert best["cruncher_id"] == "account of b"
    assert best["score"]["metrics"] == {"mean": 0.8}
    assert best["score"]["ranking"] == {
        "key": "mean", "value": 0.8, "direction": "desc", "tie_breakers": [],
    }  # fmt: skip
    assert best["score"]["payload"]["windows"]["anchor"]["coverage"] == 1.0


def test_lower_is_better_where_the_direction_says_so():
    entries = board(
        values(a=[0.1, 0.3], b=[0.9, 0.7]), members("a", "b"),
        spec(direction="asc", score_direction="asc"),
    )  # fmt: skip
    assert order(entries) == [(1, "a"), (2, "b")]


def test_every_reason_for_not_being_ranked_is_given_and_such_models_come_last_by_name():
    rows = pd.concat([
        values(good=[0.5, 0.5], gone=[1.0, 1.0], few=[1.0]),
        scores(*((m, "rare", 0.9 if m < 3 else math.nan, "SUCCESS" if m < 3 else "ABSENT",
                  "scorer" if m < 3 else "exclude") for m in range(1, 7))),
    ])  # fmt: skip
    everybody = memberships(
        ("good", 0, None), ("gone", 0, 30), ("few", 0, None), ("rare", 0, None), ("idle", 0, None)
    )
    entries = board(rows, everybody)

    assert order(entries) == [
        (1, "good"), (None, "few"), (None, "gone"), (None, "idle"), (None, "rare"),
    ]  # fmt: skip
    assert reasons(entries) == {
        "good": None,
        "few": "minimum sample: 1 of 2",
        "gone": f"left {instant(30):%Y-%m-%d %H:%M} UTC",
        "idle": "no data",
        "rare": "coverage 33.3 % below 50 %",
    }


def test_a_model_whose_scores_do_not_vary_has_no_value_for_a_sharpe_key():
    entries = board(
        values(steady=[0.01, 0.01, 0.01], moving=[0.01, -0.02, 0.02]),
        members("steady", "moving"), spec(metrics=("sharpe_like",)),
    )  # fmt: skip
    assert order(entries) == [(1, "moving"), (None, "steady")]
    assert reasons(entries)["steady"] == "no value for sharpe_like"


@pytest.mark.parametrize("key", ["mean", "sharpe_like", "wealth"])
def test_two_lucky_rounds_cannot_lead(key):
    rows = values(lucky=[5.0, 6.0], patient=[0.01, -0.01, 0.02] * 10)
    entries = board(rows, members("lucky", "patient"), spec(metrics=(key,), minimum_samples=30))
    assert order(entries) == [(1, "patient"), (None, "lucky")]
    assert reasons(entries)["lucky"] == "minimum sample: 2 of 30"


def test_values_that_the_policy_gave_are_no_sample():
    rows = scores((1, "a", 0.9), *((m, "a", 0.8, "ABSENT", "baseline") for m in range(2, 40)))
    entries = board(rows, members("a"))
    assert reasons(entries) == {"a": "minimum sample: 1 of 2"}


def test_coverage_just_below_the_minimum_is_never_shown_as_the_minimum():
    rows = scores(
        *((m, "a", 0.5) for m in range(1, 500)),
        *((m, "a", math.nan, "ABSENT", "exclude") for m in range(500, 1000)),
    )
    entries = board(rows, members("a"), minutes=[17 * HOUR])
    assert reasons(entries) == {"a": "coverage 49.9 % below 50 %"}
    one_fewer = board(rows.iloc[:-1], members("a"), minutes=[17 * HOUR])
    assert reasons(one_fewer) == {"a": None}


def test_a_tie_breaker_of_zero_is_a_value_and_beats_a_negative_one():
    given_spec = challenge(
        metrics=[
            {"name": "hits", "statistic": "hit_rate", "window": "anchor"},
            {"name": "day", "statistic": "mean", "window": "recent"},
        ],
        ranking={"key": "hits", "tie_breakers": ["day"], **ORDER},
    )
    rows = values(minus=[-1.0, -2.0], zero=[0.0, 0.0], less=[-3.0, -4.0])
    entries = board(rows, members("less", "minus", "zero"), given_spec)
    assert order(entries) == [(1, "zero"), (2, "minus"), (3, "less")]


def test_less_volatility_breaks_a_tie_although_higher_is_better_otherwise():
    entries = board(
        values(wild=[0.9, 0.1], calm=[0.6, 0.4]), members("wild", "calm"),
        spec(metrics=("mean", "volatility")),
    )  # fmt: skip
    assert order(entries) == [(1, "calm"), (2, "wild")]


@pytest.mark.parametrize("direction", ["desc", "asc"])
def test_a_missing_tie_breaker_comes_last_whatever_the_direction(direction):
    given_spec = challenge(
        metrics=[
            {"name": "week", "statistic": "mean", "window": "anchor"},
            {"name": "day", "statistic": "mean", "window": "recent"},
        ],
        ranking={"key": "week", "tie_breakers": ["day"], "direction": direction, **ORDER},
        score_direction=direction,
    )
    rows = scores((1, "early", 0.5), (2, "early", 0.5), (3000, "late", 0.5), (3001, "late", 0.5))
    entries = board(rows, members("early", "late"), given_spec, minutes=[51 * HOUR])
    assert order(entries) == [(1, "late"), (2, "early")]


def test_equal_models_are_ordered_by_who_joined_first_and_then_by_id():
    rows = values(x=[0.5, 0.5], b=[0.5, 0.5], a=[0.5, 0.5])
    everybody = memberships(("a", 0, None), ("b", 0, None), ("x", -HOUR, None))
    assert order(board(rows, everybody)) == [(1, "x"), (2, "a"), (3, "b")]


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), max_size=4),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_changes_nothing_and_every_board_is_consistent(by_model, random):
    rows, everybody = values(**by_model), members(*sorted(by_model))
    shuffled = random.sample(range(len(rows)), len(rows))
    given_spec = spec(metrics=("mean", "hit_rate", "volatility"))

    frame = boards(rows, everybody, given_spec)
    other = boards(rows.iloc[shuffled], everybody.iloc[::-1], given_spec)

    pd.testing.assert_frame_equal(frame, other)
    assert inconsistencies(json.loads(frame["entries_json"].iloc[0]), sorted(by_model)) == []


def test_a_board_without_any_model_is_a_board():
    entries = board(values(), members())
    assert entries == []


def test_boards_are_written_once_and_again_only_when_their_content_differs():
    rows, everybody = values(a=[0.1, 0.3], b=[0.9, 0.7]), members("a", "b")
    interim = new_versions_as_of(
        boards(rows, everybody, final=False), pd.DataFrame(columns=list(LEADERBOARD_COLUMNS))
    )
    again = new_versions_as_of(boards(rows, everybody, final=False, run_id="other"), interim)
    final = new_versions_as_of(boards(rows, everybody), interim)

    assert list(interim.columns) == list(LEADERBOARD_COLUMNS)
    assert interim["version"].tolist() == [1]
    assert len(again) == 0
    assert final["version"].tolist() == [2]


def test_model_scores_are_versioned_by_model():
    everybody = members("a", "b")
    empty = pd.DataFrame(columns=list(MODEL_SCORE_COLUMNS))
    first = new_versions_as_of(model_rows(values(a=[0.5], b=[0.5]), everybody, spec()), empty)
    second = new_versions_as_of(model_rows(values(a=[0.5], b=[0.4]), everybody, spec()), first)

    assert list(first.columns) == list(MODEL_SCORE_COLUMNS)
    assert second[["model_id", "version"]].to_numpy().tolist() == [["b", 2]]


def test_an_author_may_rank_but_only_those_who_may_be_ranked():
    def ranker(entries):
        ordered = sorted(entries, key=lambda entry: entry["model_id"], reverse=True)
        return [
            {"model_id": entry["model_id"], "rank": place, "medal": place == 1}
            for place, entry in enumerate(ordered, 1)
        ]

    rows = values(a=[0.9, 0.9], b=[0.5, 0.5], z=[1.0])
    entries = board(rows, members("a", "b", "z"), rank=ranker)

    assert order(entries) == [(1, "b"), (2, "a"), (None, "z")]
    assert entries[0]["medal"] is True
    assert entries[0]["score"]["metrics"] == {"mean": 0.5}
    assert inconsistencies(entries, ["a", "b", "z"], ranked_by_key=False) == []
    assert len(inconsistencies(entries, ["a", "b", "z"])) == 1


def test_an_author_may_leave_a_model_unranked():
    entries = board(
        values(a=[0.9, 0.9], b=[0.5, 0.5]), members("a", "b"),
        rank=lambda given_entries: [{**e, "rank": 1 if e["model_id"] == "b" else None}
                                    for e in given_entries],
    )  # fmt: skip
    assert order(entries) == [(1, "b"), (None, "a")]
    assert reasons(entries)["a"] == "not ranked by the challenge"


@pytest.mark.parametrize(
    ("ranker", "message"),
    [
        (lambda _: None, "must return a list"),
        (lambda entries: entries[:1], "each model once"),
        (lambda entries: entries + entries, "each model once"),
        (lambda entries: [{**e, "rank": 1} for e in entries], "ranks 1 to 2"),
        (lambda entries: [{**e, "rank": float(i)} for i, e in enumerate(entries, 1)], "ranks 1"),
        (lambda entries: [{**e, "rank": None, "x": math.nan} for e in entries], "stored"),
        (lambda entries: entries[0]["nothing"], "raised KeyError"),
    ],
)
def test_a_ranker_that_returns_something_else_is_named(ranker, message):
    with pytest.raises(CallableError, match=f"LEADERBOARD_RANKER .*{message}"):
        board(values(a=[0.9, 0.9], b=[0.5, 0.5]), members("a", "b"), rank=ranker)


def test_an_authors_metrics_rank_by_their_own_key_under_the_same_minimum_sample():
    given_spec, everybody = spec(), members("a", "b", "few")
    rows = model_rows(values(a=[0.9, 0.9], b=[0.5, 0.5], few=[1.0]), everybody, given_spec)

    def aggregate(_scored, models):
        cost = {"a": 3.0, "b": 2.0, "few": 1.0}
        return [
            {
                "model_id": model_id,
                "score": {
                    "metrics": {"cost": cost[model_id]},
                    "ranking": {"key": "cost", "direction": "asc", "tie_breakers": []},
                    "payload": {"note": "mine"},
                },
                "team": "red",
            }
            for model_id in models
        ]

    present = standings(histories(everybody), instant(HOUR))
    rows = with_authors_metrics(given_spec, rows, aggregate, [], present)
    frame = leaderboards(
        given_spec, rules(), rows, everybody, {instant(HOUR): True}, mode=Mode.REPLAY, run_id="run",
        certainty=untold,
    )  # fmt: skip
    entries = json.loads(frame["entries_json"].iloc[0])

    assert order(entries) == [(1, "b"), (2, "a"), (None, "few")]
    assert entries[0]["team"] == "red"
    assert entries[0]["score"]["payload"]["note"] == "mine"
    assert inconsistencies(entries, ["a", "b", "few"]) == []


def test_inconsistent_boards_are_described():
    entries = board(values(a=[0.9, 0.9], b=[0.5, 0.5]), members("a", "b"))
    wrong = [{**entries[1], "rank": 1}, {**entries[0], "rank": 3}]
    wrong[0]["score"]["metrics"]["mean"] = math.inf

    assert inconsistencies(wrong, ["b", "c"]) == [
        "a is listed 1 times, not 0",
        "c is listed 0 times, not 1",
        "ranks are [1, 3], not 1 to 2 in order",
        "b: mean is inf",
        "b (0.5) is ranked before a (0.9) by mean desc",
    ]
