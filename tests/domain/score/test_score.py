import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.author.scorer import scorer_from
from coordinator_pipelines.domain.doors.ledger import SCORE_COLUMNS
from coordinator_pipelines.domain.score.score import new_versions, score_batch
from tests.domain.score.scoring_cases import challenge, predictions, rules, truths


def score(cells, rounds, spec=None, run_id="run", **changes):
    spec = spec or challenge()
    return score_batch(spec, rules(**changes), cells, rounds, run_id=run_id)


def by_model(scored):
    return scored.set_index("model_id")


def policy(**missing_data):
    return challenge(missing_data=missing_data)


NOTHING = score(predictions(), truths()).assign(version=1)


def test_a_prediction_is_scored_against_the_truth_of_its_round():
    scored = score(predictions((0, "a", 0.9), (1, "a", 0.9)), truths((0, 1.0), (1, 0.0)))

    assert scored["value"].tolist() == pytest.approx([0.99, 0.19])
    assert scored["rule"].tolist() == ["scorer", "scorer"]
    assert scored["success"].all()
    assert scored["scorer"].tolist() == ["brier", "brier"]
    assert scored["truth_version"].tolist() == [1, 1]
    assert set(scored.columns) == set(SCORE_COLUMNS) - {"version"}


def test_a_round_without_a_truth_has_no_score_yet():
    scored = score(predictions((0, "a", 0.9), (1, "a", 0.9)), truths((0, 1.0)))
    assert len(scored) == 1


@pytest.mark.parametrize("outcome", ["FAILED", "TIMEOUT", "ABSTAINED", "ABSENT"])
def test_every_missing_answer_costs_the_worst_of_the_round_by_default(outcome):
    cells = predictions((0, "a", 0.9), (0, "b", 0.2), (0, "c", outcome))
    row = by_model(score(cells, truths((0, 1.0)))).loc["c"]

    assert row["value"] == pytest.approx(1 - 0.8**2)
    assert (row["rule"], row["status"], row["success"]) == ("worst", outcome, False)


def test_the_worst_is_the_largest_where_lower_is_better():
    spec = challenge(score_direction="asc")
    cells = predictions((0, "a", 0.9), (0, "b", 0.2), (0, "c", "ABSENT"))
    assert by_model(score(cells, truths((0, 1.0)), spec)).loc["c", "value"] == pytest.approx(0.99)


def test_the_worst_is_taken_round_by_round_and_never_from_values_that_were_given():
    spec = policy(default="worst", by_status={"TIMEOUT": "value"}, value=-5.0)
    cells = predictions(
        (0, "a", 0.9), (0, "b", "TIMEOUT"), (0, "c", "ABSENT"), (1, "a", 0.5), (1, "c", "ABSENT")
    )
    scored = score(cells, truths((0, 1.0), (1, 1.0)), spec)
    assert scored["value"].tolist() == pytest.approx([0.99, -5.0, 0.99, 0.75, 0.75])


def test_a_round_in_which_nobody_was_scored_is_excluded_with_the_reason():
    scored = score(predictions((0, "a", "ABSENT"), (0, "b", "TIMEOUT")), truths((0, 1.0)))
    assert scored["value"].isna().all()
    assert set(scored["rule"]) == {"exclude"}
    assert scored["failed_reason"].str.contains("no model was scored").all()


def test_excluded_means_no_value():
    scored = score(
        predictions((0, "a", 0.9), (0, "b", "ABSENT")), truths((0, 1.0)), policy(default="exclude")
    )
    row = by_model(scored).loc["b"]
    assert np.isnan(row["value"])
    assert row["rule"] == "exclude"


def test_the_baseline_gives_its_own_score_of_the_same_round():
    spec = policy(default="baseline", baseline_model="half")
    cells = predictions((0, "half", 0.5), (0, "a", 0.1), (0, "b", "ABSTAINED"))
    row = by_model(score(cells, truths((0, 1.0)), spec)).loc["b"]
    assert (row["value"], row["rule"]) == (0.75, "baseline")


def test_without_a_baseline_score_the_worst_is_taken_so_that_nobody_gains():
    spec = policy(default="baseline", baseline_model="half")
    cells = predictions((0, "half", "TIMEOUT"), (0, "a", 0.1), (0, "b", "ABSTAINED"))
    scored = by_model(score(cells, truths((0, 1.0)), spec))

    assert scored.loc["b", "value"] == pytest.approx(0.19)
    assert scored.loc["b", "rule"] == "worst"
    assert scored.loc["half", "value"] == pytest.approx(0.19)
    assert "baseline half has no score" in scored.loc["b", "failed_reason"]


def test_an_answer_that_the_scorer_refuses_counts_as_failed_and_stays_visible():
    spec = policy(default="exclude", by_status={"FAILED": "value"}, value=-1.0)

    def scorer(prediction, _truth):
        return {"value": None, "success": False, "failed_reason": f"no {prediction['p_up']}"}

    row = score(predictions((0, "a", 0.3)), truths((0, 1.0)), spec, score=scorer_from(scorer))
    row = row.iloc[0]
    assert (row["status"], row["success"], row["value"]) == ("SUCCESS", False, -1.0)
    assert row["failed_reason"] == "no 0.3"


@pytest.mark.parametrize("state", ["VOID", "UNRESOLVABLE"])
def test_a_round_that_does_not_count_costs_nobody_anything(state):
    scored = score(predictions((0, "a", 0.9), (0, "b", "ABSENT")), truths((0, state)))
    assert len(new_versions(scored, NOTHING[:0])) == 0


@pytest.mark.parametrize("state", ["VOID", "UNRESOLVABLE"])
def test_a_score_is_withdrawn_when_its_truth_is_revised_away_and_returns_with_it(state):
    cells = predictions((0, "a", 0.9), (0, "b", "ABSENT"))
    first = new_versions(score(cells, truths((0, 1.0))), NOTHING[:0])
    withdrawn = new_versions(score(cells, truths((0, state, 2))), first)
    back = new_versions(score(cells, truths((0, 1.0, 3))), withdrawn)

    assert withdrawn["value"].isna().all()
    assert withdrawn["version"].tolist() == [2, 2]
    assert set(withdrawn["rule"]) == {"exclude"}
    assert set(withdrawn["status"]) == {state}
    assert withdrawn["failed_reason"].tolist() == [f"ground truth {state}: because"] * 2
    assert back["version"].tolist() == [3, 3]
    assert back["value"].tolist() == first["value"].tolist()


def test_scoring_again_says_nothing_new():
    cells = predictions((0, "a", 0.9), (0, "b", "ABSENT"), (1, "a", "TIMEOUT"))
    known = truths((0, 1.0), (1, 0.0))
    first = new_versions(score(cells, known), NOTHING[:0])
    again = new_versions(score(cells, known, run_id="another run"), first)

    assert list(first.columns) == list(SCORE_COLUMNS)
    assert first["version"].tolist() == [1, 1, 1]
    assert len(again) == 0


def test_a_revised_truth_gives_new_versions_of_its_round_only():
    cells = predictions((0, "a", 0.9), (1, "a", 0.9))
    first = new_versions(score(cells, truths((0, 1.0), (1, 1.0))), NOTHING[:0])
    revised = new_versions(score(cells, truths((0, 1.0), (1, 0.0, 2))), first)

    assert revised["version"].tolist() == [2]
    assert revised["value"].tolist() == pytest.approx([0.19])


def test_another_scorer_gives_new_versions_where_it_says_something_else():
    cells = predictions((0, "a", 0.9), (0, "b", 0.5))
    first = new_versions(score(cells, truths((0, 1.0))), NOTHING[:0])
    assert new_versions(score(cells, truths((0, 1.0)), scorer="same@2"), first).empty

    def other(prediction, _):
        return {"value": 0.75 if prediction["p_up"] == 0.5 else 0.125}

    changed = {"score": scorer_from(other), "scorer": "other@1"}
    second = new_versions(score(cells, truths((0, 1.0)), **changed), first)
    assert second[["model_id", "version", "scorer"]].values.tolist() == [["a", 2, "other@1"]]


def test_the_truth_of_a_round_wise_scorer_has_the_fields_of_the_original():
    seen = []
    scorer = scorer_from(lambda _, truth: seen.append(truth) or {"value": 1.0})
    score(predictions((0, "a", 0.9)), truths((0, 1.0)), score=scorer)
    assert seen == [{
        "asset": "BTC", "entry_price": 100.0, "resolved_price": 101.0, "outcome": 1.0, "y_up": True,
    }]  # fmt: skip


def test_an_authors_own_truth_is_what_the_scorer_gets():
    seen = []
    scorer = scorer_from(lambda _, truth: seen.append(truth) or {"value": 1.0})
    known = truths((0, 1.0)).assign(payload_json='{"mine": 1}')
    score(predictions((0, "a", 0.9)), known, score=scorer)
    assert seen == [{"mine": 1}]


ANSWERS = st.one_of(st.floats(0, 1), st.sampled_from(["FAILED", "TIMEOUT", "ABSTAINED", "ABSENT"]))


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.sampled_from("abcd")), ANSWERS, min_size=1, max_size=20
    ),
    st.sampled_from(["exclude", "worst", "value", "baseline"]),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_changes_nothing_and_no_value_is_infinite(answers, rule, random):
    needs = {"value": {"value": 0.25}, "baseline": {"baseline_model": "a"}}
    spec = policy(default=rule, **needs.get(rule, {}))
    cells = [(minute, model, answer) for (minute, model), answer in answers.items()]
    shuffled = random.sample(cells, len(cells))
    known = truths(*((minute, float(minute % 2)) for minute in range(5)))

    key = ["performed_at", "model_id"]
    one, other = (
        score(predictions(*order), known, spec).sort_values(key, ignore_index=True)
        for order in (cells, shuffled)
    )

    pd.testing.assert_frame_equal(one, other)
    assert not np.isinf(one["value"]).any()
    assert (one["value"].isna() == (one["rule"] == "exclude")).all()
