"""Rules under which dishonesty pays are told from rules under which it does not."""

from typing import Any

import pytest

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.incentives.simulation import (
    Earning,
    Incentives,
    NotSimulated,
    incentives,
)
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.specs import changed

HERE = "tests.domain.incentives.scorers"
FEW = 25
WINNER = {"strategy": "winner_takes_all"}


def above(level: float, **more: Any) -> dict[str, Any]:
    """Pay in proportion to how far a score is above a level."""
    return {"strategy": "skill", "baseline_score": level, **more}


def simulated(scorer: str, fields: int = FEW, **changes: Any) -> Incentives:
    callables = {"SCORING_FUNCTION": f"{HERE}:{scorer}", **changes.pop("callables", {})}
    challenge = checked_challenge(changed({**changes, "callables": callables}))
    return incentives(challenge, load_rules(challenge), fields)


def verdicts(told: Incentives) -> dict[str, str]:
    return {one.name: one.verdict for one in told.problems}


def earning(told: Incentives, name: str) -> Earning:
    return next(one for one in told.earnings if one.name == name)


@pytest.mark.parametrize(("scorer", "level"), [("brier", 0.75), ("log_score", -0.6931)])
def test_under_a_proper_score_paid_by_skill_nothing_beats_honesty(scorer: str, level: float):
    told = simulated(scorer, emission=above(level))
    assert verdicts(told) == {}
    assert told.earnings[0].name == "calibrated"
    assert earning(told, "sharpened").more < 0
    assert earning(told, "silent when unsure").more < 0
    assert told.form.startswith('{"p_up": x}')


@pytest.mark.parametrize(
    ("scoring", "form"),
    [
        ({"rule": "crps", "answer": "samples"}, "samples of the change"),
        ({"rule": "wis", "levels": [0.1, 0.3, 0.5, 0.7, 0.9]}, "quantiles of the change"),
    ],
)
def test_rules_that_are_built_in_are_simulated_by_what_they_score(
    scoring: dict[str, Any], form: str
):
    changes = {"scoring": scoring, "callables": {}, "score_direction": "asc"}
    challenge = checked_challenge(changed({**changes, "emission": above(1.0)}))
    told = incentives(challenge, load_rules(challenge), 8)
    assert told.form == form
    assert verdicts(told) == {}
    in_steps = checked_challenge(changed({**changes, "scoring": {"rule": "energy"}}))
    with pytest.raises(NotSimulated, match="each step of the horizon"):
        incentives(in_steps, load_rules(in_steps), FEW)


@pytest.mark.parametrize(
    ("scorer", "level", "changes", "found"),
    [
        ("absolute_error", -0.5, {}, {"sharpened": "more"}),
        ("leveraged", 0.0, {}, {"sharpened": "more"}),
        ("hit_rate", 0.5, {}, {"sharpened": "as much", "flattened": "as much"}),
        ("brier", 0.75, {"missing_data": {"default": "exclude"}}, {"silent when unsure": "more"}),
        (
            "brier", 0.75, {"missing_data": {"by_status": {"TIMEOUT": "exclude"}}},
            {"late when unsure": "more"},
        ),
    ],
)  # fmt: skip
def test_what_pays_for_dishonesty_is_found(
    scorer: str, level: float, changes: dict[str, Any], found: dict[str, str]
):
    assert verdicts(simulated(scorer, emission=above(level), **changes)) == found


@pytest.mark.slow
def test_a_single_prize_pays_for_exaggeration():
    told = simulated("brier", 200, emission=WINNER)
    assert verdicts(told)["sharpened"] == "more"
    sharpened = earning(told, "sharpened")
    assert (sharpened.score or 1) < (
        told.earnings[0].score or 0
    )  # it is a worse forecast, and is paid more


def test_equal_pay_tempts_nobody_but_to_come_twice():
    told = simulated(
        "brier", 10, emission={"strategy": "author"},
        callables={"EMISSION_STRATEGY": f"{HERE}:equal_pay"},
    )  # fmt: skip
    assert verdicts(told) == {}
    one_owner, many = earning(told, "3 models, one owner"), earning(told, "3 accounts, one idea")
    assert one_owner.more == 0
    assert many.more == pytest.approx(3 / 10 - 1 / 8)
    assert (many.stopped, one_owner.stopped) == (True, False)


def test_copies_that_a_period_is_too_short_to_find_are_a_problem():
    seldom = {"scheduled_prediction_configs[0].schedule.every_seconds": 120}
    told = simulated("brier", 10, emission=above(0.75), checkpoint_interval_seconds=3600, **seldom)
    assert verdicts(told) == {"3 accounts, one idea": "more"}


def test_what_nobody_may_leave_out_is_not_tried():
    told = simulated("brier", 10, emission=above(0.75), **{"ranking.minimum_coverage": 1.0})
    assert not [one for one in told.earnings if "unsure" in one.name]


def test_a_number_is_taken_for_what_scores_best():
    told = simulated("squared_price_error", emission=above(-3.0))
    assert told.form == '{"value": x}, a number, the price'
    assert verdicts(told) == {}


@pytest.mark.parametrize(
    ("scorer", "callables", "reason"),
    [
        ("no_known_answer", {}, "take no answer that is known here"),
        ("same_for_all", {}, "score all answers alike"),
        ("brier", {"GROUND_TRUTH_RESOLVER": f"{HERE}:resolve"}, "truths come from GROUND_TRUTH_"),
    ],
)
def test_what_cannot_be_simulated_is_said(scorer: str, callables: dict[str, str], reason: str):
    with pytest.raises(NotSimulated, match=reason):
        simulated(scorer, callables=callables)


def test_a_metric_of_single_rounds_is_left_out_unless_it_decides():
    drawdown = {"name": "worst_fall", "statistic": "max_drawdown", "window": "anchor"}
    mean = {"name": "anchor", "statistic": "mean", "window": "anchor"}
    metrics = {"metrics": [mean, drawdown], "ranking": {"key": "anchor"}}
    assert verdicts(simulated("brier", 10, emission=above(0.75), **metrics)) == {}
    metrics["ranking"] = {"key": "anchor", "tie_breakers": ["worst_fall"]}
    with pytest.raises(NotSimulated, match="worst_fall decides"):
        simulated("brier", 10, **metrics)


def test_every_basis_of_a_payout_goes_through_the_chain():
    means = simulated("brier", 10, emission=above(0.75, basis="mean_of_boards"))
    tiers = simulated("brier", 5, emission={"strategy": "tiers", "ties": "tier"})
    assert means.rounds == 80
    for told in (means, tiers):
        assert 0 < told.earnings[0].share < 0.2


def test_the_same_spec_is_told_the_same_twice():
    assert simulated("brier", 5) == simulated("brier", 5)
