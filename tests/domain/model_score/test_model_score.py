import json
import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.author.metrics import scored_predictions, with_authors_metrics
from coordinator_pipelines.domain.doors.ledger import MODEL_SCORE_COLUMNS, Mode
from coordinator_pipelines.domain.membership.expectation import scorable_span
from coordinator_pipelines.domain.membership.standing import histories, standings
from coordinator_pipelines.domain.model_score.model_score import model_scores
from coordinator_pipelines.domain.model_score.window_sums import edge_spans
from coordinator_pipelines.domain.score.statistics import score_statistics
from coordinator_pipelines.domain.values.errors import CallableError
from tests.domain.score.scoring_cases import challenge, config, instant, memberships, scores, truths

HOUR = 60
DAY = 24 * HOUR
WEEK = 7 * DAY


def compute(rows, members, minutes, spec=None, **options):
    spec = spec or challenge()
    statistics = score_statistics(rows, spec.statistics_bucket)
    return model_scores(
        spec, statistics, members, [instant(m) for m in minutes], mode=Mode.REPLAY,
        run_id="run", **options,
    )  # fmt: skip


def only(frame):
    assert len(frame) == 1
    return json.loads(frame["metrics_json"].iloc[0]), json.loads(frame["payload_json"].iloc[0])


def window(frame, name="anchor"):
    return only(frame)[1]["windows"][name]


JOINED = memberships(("a", 0, None))


def test_the_three_windows_differ_and_each_sees_only_its_own_hours():
    rows = scores((1, "a", 0.1), (5 * DAY, "a", 0.4), (7 * DAY - 5, "a", 1.0))
    metrics, payload = only(compute(rows, JOINED, [WEEK]))

    assert metrics == pytest.approx({"recent": 1.0, "steady": 0.7, "anchor": 0.5})
    assert [payload["windows"][w]["n"] for w in ("recent", "steady", "anchor")] == [1, 2, 3]


def test_a_window_is_open_on_the_left_and_closed_on_the_right():
    rows = scores((HOUR, "a", 0.25), (HOUR + DAY, "a", 0.75), (HOUR + DAY + 1, "a", 0.0))
    metrics, _ = only(compute(rows, JOINED, [HOUR + DAY]))
    assert metrics["recent"] == 0.75


def test_a_window_without_data_is_null_and_a_count_of_zero():
    metrics, payload = only(compute(scores((1, "a", 0.5)), JOINED, [2 * WEEK]))

    assert metrics == {"recent": None, "steady": None, "anchor": None}
    counts = payload["windows"]["anchor"]
    assert (counts["n"], counts["expected"], counts["coverage"]) == (0, 0, None)


def test_windows_move_on_although_nothing_is_scored():
    rows = scores((HOUR, "a", 0.0), (DAY, "a", 1.0))
    frame = compute(rows, JOINED, [DAY, DAY + 2 * HOUR])
    assert [json.loads(m)["recent"] for m in frame["metrics_json"]] == [0.5, 1.0]


def test_outcomes_imputed_values_and_coverage_are_counted():
    rows = scores(
        (1, "a", 0.9), (2, "a", 0.1, "TIMEOUT", "worst"), (3, "a", math.nan, "ABSENT", "exclude"),
        (4, "a", 0.1, "SUCCESS", "worst"), (5, "a", math.nan, "VOID", "exclude"),
    )  # fmt: skip
    counts = window(compute(rows, JOINED, [HOUR]))

    assert counts["outcomes"] == {
        "SUCCESS": 2, "FAILED": 0, "TIMEOUT": 1, "ABSTAINED": 0, "ABSENT": 1,
    }  # fmt: skip
    assert (counts["n"], counts["n_imputed"], counts["expected"]) == (3, 2, 4)
    assert counts["coverage"] == 0.25


def test_a_window_is_mature_once_the_model_has_been_there_for_all_of_it():
    frame = compute(scores((1, "a", 0.5)), memberships(("a", HOUR, None)), [DAY, DAY + HOUR])
    mature = [json.loads(p)["windows"]["recent"]["mature"] for p in frame["payload_json"]]
    assert mature == [False, True]


def test_every_model_that_has_ever_joined_has_a_row_and_nobody_else():
    members = memberships(("a", 0, HOUR), ("b", 0, None), ("c", DAY, None))
    frame = compute(scores((1, "a", 0.5)), members, [HOUR, DAY])

    assert frame["model_id"].tolist() == ["a", "b", "a", "b", "c"]
    left = [json.loads(p)["member"]["left_at"] for p in frame["payload_json"]]
    assert left == [instant(HOUR).isoformat(), None, instant(HOUR).isoformat(), None, None]


def test_what_happens_after_an_instant_does_not_show_in_its_row():
    now = compute(scores((1, "a", 0.5)), JOINED, [HOUR])
    later = compute(
        scores((1, "a", 0.5), (DAY, "a", 0.0)),
        memberships(("a", 0, 2 * HOUR), ("a", DAY, None)),
        [HOUR],
    )
    pd.testing.assert_frame_equal(now, later)


def test_metrics_are_averaged_over_configs_with_equal_weights():
    spec = challenge(scheduled_prediction_configs=[config("x"), config("y")])
    rows = pd.concat([
        scores(*((m, "a", 0.0) for m in range(1, 10)), config_id="x"),
        scores((1, "a", 1.0), config_id="y"),
    ])  # fmt: skip
    metrics, payload = only(compute(rows, JOINED, [HOUR], spec))
    assert metrics["anchor"] == 0.5
    assert payload["windows"]["anchor"]["by_config"] == {
        "x": {"anchor": 0.0, "n": 9}, "y": {"anchor": 1.0, "n": 1},
    }  # fmt: skip


def test_a_config_without_data_makes_the_metric_null():
    spec = challenge(scheduled_prediction_configs=[config("x"), config("y")])
    metrics, payload = only(compute(scores((1, "a", 1.0), config_id="x"), JOINED, [HOUR], spec))
    assert metrics["anchor"] is None
    assert payload["windows"]["anchor"]["by_config"]["x"]["anchor"] == 1.0


def test_an_inactive_config_does_not_count():
    off = {**config("y"), "active": False}
    spec = challenge(scheduled_prediction_configs=[config("x"), off])
    rows = pd.concat([scores((1, "a", 1.0), config_id=c) for c in "xy"])
    metrics, payload = only(compute(rows, JOINED, [HOUR], spec))
    assert metrics["anchor"] == 1.0
    assert payload["windows"]["anchor"]["n"] == 1


ROWS = st.dictionaries(
    st.tuples(st.integers(1, 8 * DAY // 30), st.sampled_from("ab")),
    st.floats(-1.5, 1.5).map(lambda value: round(value, 6)),
    min_size=1,
    max_size=80,
)


@settings(max_examples=30, deadline=None)
@given(ROWS, st.integers(0, 8 * DAY + 90))
def test_every_statistic_equals_a_recomputation_from_the_rows_at_any_instant(values, minutes):
    spec = challenge(profile="risk_adjusted")
    rows = scores(*((30 * step, model, value) for (step, model), value in values.items()))
    members = memberships(("a", 0, None), ("b", 0, None))
    as_of = instant(minutes) + timedelta(microseconds=7)
    spans = edge_spans(spec, as_of)
    due = rows["resolvable_at"]
    edges = pd.concat([edge_rows(rows, span) for span in spans])

    statistics = score_statistics(rows, spec.statistics_bucket)
    frame = model_scores(
        spec, statistics, members, [as_of], mode=Mode.REPLAY, run_id="run", edges=edges
    )

    for model, metrics in zip(frame["model_id"], frame["metrics_json"], strict=True):
        inside = (due > as_of - timedelta(hours=168)) & (due <= as_of)
        wanted = recomputed(rows.loc[inside & (rows["model_id"] == model), "value"].to_numpy())
        got = json.loads(metrics)
        for name, value in wanted.items():
            loss = 1e-9 if name == "sharpe_like" else 1e-12  # a ratio of small numbers
            near = value if value is None else pytest.approx(value, rel=loss, abs=1e-12)
            assert got[name] == near


def recomputed(values):
    if len(values) == 0:
        return dict.fromkeys(["mean_return", "volatility", "sharpe_like", "wealth", "hit_rate"])
    average, spread = math.fsum(values) / len(values), np.std(values)
    several = len(values) > 1
    varies = several and spread > 1e-12 * abs(average)
    return {
        "mean_return": average,
        "volatility": spread if several else None,
        "sharpe_like": average / max(spread, 1e-6) if varies else None,
        "wealth": math.prod(1 + max(-1.0, value) for value in values),
        "hit_rate": float(np.mean(values > 0)),
    }


def test_an_instant_within_a_bucket_needs_its_edge_scores():
    with pytest.raises(ValueError, match="edge scores are needed"):
        compute(scores((1, "a", 0.5)), JOINED, [90])
    assert edge_spans(challenge(), instant(120)) == []


def test_a_score_at_the_left_end_is_outside_although_another_window_cuts_the_same_bucket():
    rows = scores((30, "a", 0.25), (DAY, "a", 0.5), (DAY + 30, "a", 1.0))
    spec, minutes = challenge(), (DAY + 15, DAY + 30)
    spans = [span for m in minutes for span in edge_spans(spec, instant(m))]
    edges = pd.concat([edge_rows(rows, span) for span in spans])
    frame = compute(rows, JOINED, minutes, spec, edges=edges)
    assert [json.loads(m)["recent"] for m in frame["metrics_json"]] == [0.375, 0.75]


def test_the_edges_of_several_instants_may_overlap():
    spec = challenge()
    rows = scores(*((m, "a", m / 7) for m in range(1, DAY + 100, 3)))
    minutes = [DAY + 10, DAY + 50]
    edges = {m: [edge_rows(rows, span) for span in edge_spans(spec, instant(m))] for m in minutes}

    together = compute(
        rows, JOINED, minutes, edges=pd.concat(edges[minutes[0]] + edges[minutes[1]])
    )
    alone = [compute(rows, JOINED, [m], edges=pd.concat(edges[m])) for m in minutes]

    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))


def edge_rows(rows, span):
    due = rows["resolvable_at"]
    return rows[(due > span[0]) & (due <= span[1])]


def test_a_board_is_the_same_to_the_bit_whatever_else_is_computed_with_it():
    random = np.random.default_rng(7)
    rows = scores(*((m, x, random.normal()) for m in range(1, 9 * DAY, 7) for x in "ab"))
    members = memberships(("a", 0, None), ("b", 0, None))
    minutes = range(0, 9 * DAY, 5 * HOUR)

    together = compute(rows, members, minutes)
    alone = pd.concat([compute(rows, members, [m]) for m in minutes], ignore_index=True)
    shuffled = compute(rows, members.sample(frac=1, random_state=1), minutes)

    pd.testing.assert_frame_equal(together, alone)
    pd.testing.assert_frame_equal(together, shuffled)
    assert set(together.columns) == set(MODEL_SCORE_COLUMNS) - {"version"}


def rounds(*minutes):
    known = truths(*((minute, 1.0) for minute in minutes))
    return known[["prediction_config_id", "performed_at", "resolvable_at"]]


BACK = memberships(("a", 0, 10), ("a", 20, None))


def test_rounds_between_leaving_and_returning_count_as_expected():
    rows = scores(*((m + 1, "a", 0.5) for m in (*range(10), *range(20, 30))))
    frame = compute(rows, BACK, [HOUR], scorable_rounds=rounds(*range(60)))
    counts = window(frame)
    assert (counts["n"], counts["expected"]) == (20, 30)
    assert counts["coverage"] == pytest.approx(2 / 3)


def test_rounds_of_the_gap_are_excused_where_the_spec_says_so():
    spec = challenge(missing_data={"rejoining": "excused"})
    assert scorable_span(spec, BACK, [instant(HOUR)]) is None
    frame = compute(scores((1, "a", 0.5)), BACK, [HOUR], spec, scorable_rounds=rounds(*range(60)))
    assert window(frame)["expected"] == 1


def test_newcomers_are_expected_from_the_start_of_the_window_where_the_spec_says_so():
    spec = challenge(missing_data={"newcomers": "counted"})
    newcomer = memberships(("a", DAY, None))
    frame = compute(
        scores((DAY + 1, "a", 0.5)), newcomer, [DAY, DAY + HOUR], spec,
        scorable_rounds=rounds(*range(DAY + HOUR)),
    )  # fmt: skip
    counts = [json.loads(p)["windows"]["recent"]["expected"] for p in frame["payload_json"]]
    assert counts == [DAY, DAY - HOUR + 1]  # the last one is its own


def test_rounds_need_reading_only_where_a_counted_gap_reaches_into_a_window():
    spec = challenge()
    assert scorable_span(spec, JOINED, [instant(HOUR)]) is None
    assert scorable_span(spec, BACK, [instant(15)]) is None
    assert scorable_span(spec, BACK, [instant(HOUR)]) == (instant(10), instant(20))
    assert scorable_span(spec, BACK, [instant(WEEK + HOUR)]) is None


def authors(aggregate, members=JOINED):
    rows = compute(scores((1, "a", 0.5)), members, [HOUR])
    present = standings(histories(members), instant(HOUR))
    scored = scored_predictions(challenge(), scores((1, "a", 0.5), (2, "a", math.nan)))
    return with_authors_metrics(challenge(), rows, aggregate, scored, present)


def test_an_authors_metrics_take_the_place_of_the_engines_and_its_extras_are_kept():
    def aggregate(scored, models):
        assert [s.score.success for s in scored] == [True, False]
        assert [s["score"]["value"] for s in scored] == [0.5, None]
        assert (scored[0].scope_key, scored[0].scope["asset"]) == ("btc-1m", "BTC")
        assert getattr(scored[0], "inference_output", None) is None
        score = {
            "metrics": {"edge": 3},
            "ranking": {"key": "edge", "direction": "asc", "note": "edge"},
            "payload": {"why": "because"},
        }
        [model] = models.values()
        assert models.get("a") == model
        assert (model.player_id, model.player_name) == ("account of a", "owner of a")
        return [{"model_id": model.id, "score": score, "badge": "gold"}]

    metrics, payload = only(authors(aggregate))
    assert metrics == {"edge": 3.0}
    assert payload["author"] == {
        "ranking": {"key": "edge", "direction": "asc", "note": "edge", "value": 3.0},
        "payload": {"why": "because"},
        "extras": {"badge": "gold"},
    }
    assert payload["windows"]["anchor"]["n"] == 1


def entry(model_id="a", **score):
    return {"model_id": model_id, "score": {"metrics": {}, **score}}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "bad result"),
        ([1], "bad 0"),
        ([{"model_id": "a"}], "bad 0.score"),
        ([entry("z")], r"of \['a'\]; got \['z'\]"),
        ([entry(), entry()], "at most once"),
        ([entry(metrics={"x": "high"})], "0.score.metrics.x"),
        ([entry(ranking={"value": True})], "ranking.value"),
        ([entry(average=0.5)], "0.score.average"),
        ([entry(ranking={"direction": "up"})], "ranking.direction"),
        ([entry(payload={"x": math.nan})], "cannot be stored"),
        ([entry(payload={"x": {1, 2}})], "cannot be stored"),
    ],
)
def test_an_aggregator_that_returns_something_else_is_named(returned, message):
    with pytest.raises(CallableError, match=f"MODEL_SCORE_AGGREGATOR .*{message}"):
        authors(lambda _scored, _models: returned)


def test_an_aggregators_number_that_is_not_finite_is_no_data_and_stops_nobody():
    values = {"x": math.nan, "y": -math.inf, "z": np.float32(0.5), "big": 10**400, "n": np.int64(3)}
    ranking = {"key": "x", "value": math.inf}
    metrics, payload = only(authors(lambda *_: [entry(metrics=values, ranking=ranking)]))
    assert metrics == {"x": None, "y": None, "z": 0.5, "big": None, "n": 3.0}
    assert payload["author"]["ranking"] == {"key": "x", "value": None}


def test_an_aggregator_that_raises_is_named():
    with pytest.raises(CallableError, match="MODEL_SCORE_AGGREGATOR raised ZeroDivisionError"):
        authors(lambda _scored, _models: 1 / 0)


def test_an_aggregator_ranks_by_one_key():
    members = memberships(("a", 0, None), ("b", 0, None))
    two = [entry("a", ranking={"key": "x"}), entry("b", ranking={"key": "y"})]
    with pytest.raises(CallableError, match="more than one key"):
        authors(lambda _scored, _models: two, members)
