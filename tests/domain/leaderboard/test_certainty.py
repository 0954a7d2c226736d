"""What a board says of how sure it is, for fields whose order is known."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.certainty.series import ScoreSeries
from coordinator_pipelines.domain.leaderboard.certainty import board_certainty, in_ranking_window
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.values.content import canonical
from coordinator_pipelines.domain.values.errors import SpecError
from tests.domain.score.scoring_cases import START, challenge

MINUTE = 60_000_000
AS_OF = START + timedelta(hours=168)


def spec(direction="desc", statistic="mean", **certainty):
    metrics = [
        {"name": name, "statistic": statistic, "window": name}
        for name in ("recent", "steady", "anchor")
    ]
    return challenge(
        metrics=metrics,
        ranking={"key": "anchor", "direction": direction, "tie_breakers": []},
        score_direction=direction,
        certainty={"draws": 200, **certainty},
    )


def series(values, horizon=1):
    """The last rounds before the board, a minute apart."""
    values = np.asarray(values, dtype="float64")
    names = tuple(f"m{k}" for k in range(values.shape[1]))
    resolved = microseconds(AS_OF) - MINUTE * np.arange(len(values), dtype="int64")[::-1]
    config = np.zeros(len(values), dtype="int64")
    return ScoreSeries(names, 1, resolved - horizon * MINUTE, resolved, config, values)


def field(rounds=600, gaps=(0.0, 0.01, 0.4), seed=1):
    rng = np.random.default_rng(seed)
    luck = rng.uniform(0.3, 0.5, size=(rounds, 1))
    return luck + rng.uniform(0.0, 0.2, size=(rounds, len(gaps))) - np.array(gaps) / 2


def entries(given_spec, values):
    """A board's entries, ranked by the mean over all rounds; a model without values is not."""
    sign = 1 if given_spec.ranking.direction == "desc" else -1
    means = [np.nanmean(own) if (~np.isnan(own)).any() else np.nan for own in values.T]
    order = np.argsort([-sign * mean for mean in means], kind="stable")
    ranks = {int(k): place for place, k in enumerate(order, 1) if not np.isnan(means[k])}
    return [
        {"model_id": f"m{k}", "rank": ranks.get(int(k)), "score": {"value": str(means[k])}}
        for k in order
    ]


def told(values, given_spec=None, horizon=1, **options):
    given_spec = given_spec or spec()
    board = entries(given_spec, np.asarray(values, dtype="float64"))
    return board_certainty(given_spec, board, series(values, horizon), AS_OF, **options)


def test_each_model_has_an_interval_ranks_and_a_tier_in_each_window():
    values = field()
    by_model, facts = told(values, spec(baseline_model="m2"))
    assert list(by_model["m0"]["windows"]) == ["recent", "steady", "anchor"]
    assert facts["windows"]["anchor"]["rounds"] == 600
    assert facts["windows"]["anchor"]["reason"] is None
    best, near, far = (by_model[name]["windows"]["anchor"] for name in ("m0", "m1", "m2"))
    assert best["value"] == pytest.approx(values[:, 0].mean(), rel=1e-7)
    assert best["interval"][0] < best["value"] < best["interval"][1]
    assert (best["tier"], near["tier"], far["tier"]) in ((1, 1, 2), (1, 2, 3))
    assert far["rank_interval"] == [3, 3]
    assert far["chance_of_rank"] == {"1": 0.0, "3": 1.0, "10": 1.0}
    assert best["to_leader"] is None
    assert far["to_baseline"] is None
    assert far["to_leader"]["interval"][1] < 0 < best["to_baseline"]["interval"][0]
    gap = (values[:, 2] - values[:, 0]).mean()
    assert far["to_leader"]["value"] == pytest.approx(gap, rel=1e-6)
    entry = {"score": {"certainty": by_model["m0"]}}
    assert in_ranking_window(spec(), entry) == best
    assert in_ranking_window(spec(), {"score": {}}) == {}


def test_a_board_computed_again_says_the_same_and_another_one_draws_others():
    values = field()
    assert canonical(told(values)) == canonical(told(values.copy()))
    again, changed = told(values)[1], told(np.vstack([values[1:], values[:1]]) + 1e-9)[1]
    assert again["seed"] != changed["seed"]


def test_where_lower_is_better_the_best_is_the_lowest():
    by_model, _ = told(field(), spec("asc"))
    assert by_model["m2"]["windows"]["anchor"]["rank_interval"] == [1, 1]
    assert by_model["m2"]["windows"]["anchor"]["tier"] == 1
    assert by_model["m0"]["windows"]["anchor"]["tier"] > 1


@pytest.mark.parametrize("statistic", ["sharpe_like", "volatility", "wealth", "hit_rate"])
def test_other_statistics_have_intervals_from_the_same_draws(statistic):
    by_model, facts = told(field(), spec(statistic=statistic, score_bounds=[0, 1]))
    sure = by_model["m0"]["windows"]["anchor"]
    assert sure["interval"][0] <= sure["value"] <= sure["interval"][1]
    assert sure["tier"] >= 1
    assert statistic in facts["sequence"]["reason"]


def test_too_few_independent_rounds_have_a_reason_and_no_interval():
    by_model, facts = told(field(60), horizon=10)
    assert facts["windows"]["anchor"]["overlap"] == 10
    assert "60 rounds hold fewer than 5 blocks of 20" in facts["windows"]["anchor"]["reason"]
    sure = by_model["m0"]["windows"]["anchor"]
    assert sure["value"] is not None
    assert [sure[name] for name in ("interval", "rank_interval", "tier")] == [None] * 3


def test_a_ranker_of_the_challenges_own_leaves_intervals_and_takes_ranks():
    by_model, _ = told(field(), ranked_by_key=False)
    sure = by_model["m1"]["windows"]["anchor"]
    assert sure["interval"] is not None
    assert [sure[name] for name in ("rank_interval", "chance_of_rank", "tier")] == [None] * 3


def test_sequences_are_told_of_scores_with_declared_bounds():
    values = field(4000)
    assert told(values)[1]["sequence"] is None
    by_model, facts = told(values, spec(baseline_model="m2", score_bounds=[0, 1]))
    assert facts["sequence"] == {
        "since": "2025-01-02T00:00:00+00:00", "rounds": 4000, "reason": None,
    }  # fmt: skip
    assert by_model["m0"]["sequence"]["to_baseline"][0] > 0
    low, high = by_model["m0"]["sequence"]["to_next"]
    assert low < 0 < high
    assert by_model["m2"]["sequence"] == {"to_baseline": None, "to_next": None}
    outside = told(values + 1, spec(score_bounds=[0, 1]))[1]["sequence"]
    assert "lies outside certainty.score_bounds" in outside["reason"]


EXTREME = st.sampled_from([0.0, 1.0, -1.0, 1e9, -1e9, 1e-9])
CELLS = st.one_of(st.none(), EXTREME, st.floats(0, 1, width=16))
STATISTICS = st.sampled_from(["mean", "volatility", "sharpe_like", "wealth", "hit_rate"])


@given(
    st.integers(1, 5).flatmap(lambda m: st.lists(st.tuples(*[CELLS] * m), max_size=40)), STATISTICS
)
@settings(max_examples=100, deadline=None)
def test_any_scores_make_a_board_that_can_be_stored(rows, statistic):
    models = len(rows[0]) if rows else 2
    values = np.array(rows, dtype="float64").reshape(len(rows), models)
    given_spec = spec(statistic=statistic, baseline_model="m0", score_bounds=[0, 1])
    by_model, facts = told(values, given_spec)
    canonical([by_model, facts])  # no NaN, no infinity
    tiers = [sure["windows"]["anchor"]["tier"] for sure in by_model.values()]
    tiers = [tier for tier in tiers if tier]
    assert sorted(set(tiers)) == list(range(1, len(set(tiers)) + 1))


def test_as_many_draws_as_are_said_to_be_enough_are_enough():
    for level, draws in ((0.9, 100), (0.95, 200), (0.99, 1000), (0.999, 10_000)):
        assert challenge(certainty={"level": level, "draws": draws}).certainty.draws == draws


@pytest.mark.parametrize(
    ("certainty", "field", "says"),
    [
        ({"level": 0.99, "draws": 200}, "certainty.draws", "1000 or more"),
        ({"level": 0.4}, "certainty.level", "0.5"),
        ({"score_bounds": [1, 0]}, "certainty.score_bounds", "lowest"),
        ({"baseline_model": "other"}, "certainty.baseline_model", "missing_data.baseline_model"),
        ({"score_bounds": [0, 1]}, "missing_data.value", "outside certainty.score_bounds"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(certainty, field, says):
    rules = {"ABSENT": "baseline"}
    missing = {"default": "value", "value": -1, "by_status": rules, "baseline_model": "half"}
    with pytest.raises(SpecError) as refused:
        challenge(certainty=certainty, missing_data=missing)
    assert field in str(refused.value)
    assert says in str(refused.value)
