"""Rules that a spec names: which answers they take, and what each answer is worth."""

import math

import numpy as np
import pandas as pd
import pytest
import scoringrules
from mpmath import mp
from scipy import stats

from coordinator_pipelines.domain.answer.built_in import BuiltIn
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import SpecError
from tests.specs import REMOVED, changed

LEVELS = [0.1, 0.5, 0.9]
LOSSES = {"score_direction": "asc"}
SAMPLES = {"samples": [-2.0, 1, 4.5]}
QUANTILES = {"quantiles": [[0.1, -3.0], [0.5, 1.0], [0.9, 6.0]]}
PATHS = {"paths": [[1.0, 2.0, 3.0], [-1.0, 0.0, 2.0]]}
ENTRY, RESOLVED, STEPS = 60_000.0, 60_002.5, [0.5, -1.0, 2.5]


def norm(loc, scale):
    return {"type": "builtin", "name": "norm", "params": {"loc": loc, "scale": scale}}


def mixed(*parts):
    components = [{"density": norm(*rest), "weight": weight} for weight, *rest in parts]
    return {"type": "mixture", "components": components}


DENSITY = {"result": [mixed((1, 0.0, 2.0), (3, 1.0, 4.0))]}
DENSITIES = {"result": [norm(0.0, 1.0), mixed((1, 0.0, 1.0), (1, 2.0, 1.0)), norm(1.0, 3.0)]}


def challenge(changes=None, **scoring):
    config = "scheduled_prediction_configs[0]"
    changes = {
        "callables": {},
        "scoring": scoring,
        f"{config}.scope_template": {"asset": "BTC", "horizon": 180, "step": 60},
        f"{config}.schedule": {"every_seconds": 60},
        **(changes or {}),
    }
    return checked_challenge(changed(changes))


def scored(challenge, *outputs, outcome=1.0):
    frame = pd.DataFrame(
        {
            "output": outputs,
            "ground_truth": [{"changes": STEPS}] * len(outputs),
            "entry_price": ENTRY,
            "resolved_price": RESOLVED,
            "outcome": outcome,
        },
        index=range(5, 5 + len(outputs)),
    )
    return load_rules(challenge).score(frame)


def value(output, changes=None, outcome=1.0, **scoring):
    told = scored(challenge(changes, **scoring), output, outcome=outcome)
    assert told["failed_reason"].isna().all()
    return told["value"].item()


def test_each_rule_scores_each_answer_that_it_takes():
    change, crps_of_density = RESOLVED - ENTRY, scoringrules.crps_mixnorm
    draws, values = SAMPLES["samples"], [q for _, q in QUANTILES["quantiles"]]
    mixture = ([0.0, 1.0], [2.0, 4.0], [0.25, 0.75])
    steps = [([0.0], [1.0], [1.0]), ([0.0, 2.0], [1.0, 1.0], [0.5, 0.5]), ([1.0], [3.0], [1.0])]
    ways = [np.array(way) for way in zip(*PATHS["paths"], strict=True)]
    loss = [
        (rule, form, answer, wanted)
        for rule, form, answer, wanted in (
            ("crps", "density", DENSITY, crps_of_density(change, *map(np.array, mixture))),
            ("crps", "samples", SAMPLES, scoringrules.crps_ensemble(change, np.array(draws))),
            (
                "crps", "densities", DENSITIES,
                np.mean([
                    crps_of_density(y, *map(np.array, step))
                    for y, step in zip(STEPS, steps, strict=True)
                ]),
            ),
            (
                "crps", "paths", PATHS,
                np.mean([
                    scoringrules.crps_ensemble(y, way) for y, way in zip(STEPS, ways, strict=True)
                ]),
            ),
            (
                "energy", "paths", PATHS,
                scoringrules.es_ensemble(np.array(STEPS), np.array(PATHS["paths"])),
            ),
            *(
                (
                    rule, "quantiles", QUANTILES,
                    times * scoringrules.crps_quantile(change, np.array(values), np.array(LEVELS)),
                )
                for rule, times in (("crps", 1), ("pinball", 0.5), ("wis", 1))
            ),
        )
    ]  # fmt: skip
    for rule, form, answer, wanted in loss:
        levels = {"levels": LEVELS} if form == "quantiles" else {}
        named = {"rule": rule, "answer": form, **levels}
        assert value(answer, LOSSES, **named) == pytest.approx(float(wanted), rel=1e-9)
        assert value(answer, **named) == -value(answer, LOSSES, **named)
        bp = value(answer, LOSSES, **named, unit="basis_points")
        assert bp == pytest.approx(float(wanted) * 1e4 / ENTRY, rel=1e-9)


def test_rules_of_a_probability_take_a_density_as_well():
    p = stats.norm.cdf(0.3)
    for rule, extra, wanted in (
        ("brier", {}, 1 - (1 - p) ** 2),
        ("position_return", {}, (2 * p - 1) * 2.5 / ENTRY),
        ("log_score", {"bounds": [-10.0, 0.0]}, math.log(p)),
    ):
        assert value({"p_up": p}, rule=rule, **extra) == pytest.approx(wanted)
        assert value({"result": [norm(0.3, 1.0)]}, rule=rule, **extra) == pytest.approx(wanted)
        assert value({"p_up": p}, LOSSES, rule=rule, **extra) == pytest.approx(-wanted)
    sure = {"result": [norm(9.0, 1.0)]}
    tail = mp.mpf(stats.norm.sf(9.0))
    assert value(sure, outcome=0.0, rule="brier") == pytest.approx(float(2 * tail), rel=1e-9)
    bounded = {"rule": "log_score", "bounds": [-100.0, 0.0]}
    assert value(sure, outcome=0.0, **bounded) == pytest.approx(float(mp.log(tail)), rel=1e-9)
    assert value({"p_up": 1}, outcome=0.0, **bounded) == -100.0
    assert value({"p_up": 1}, LOSSES, outcome=0.0, **bounded) == 100.0


def test_the_log_score_of_a_density_is_bounded_at_both_ends():
    named = {"rule": "log_score", "answer": "density", "bounds": [-20.0, 3.0]}
    wanted = np.log(0.25 * stats.norm.pdf(2.5, 0, 2) + 0.75 * stats.norm.pdf(2.5, 1, 4))
    assert value(DENSITY, **named) == pytest.approx(wanted)
    unit = ENTRY / 1e4
    assert value(DENSITY, **named, unit="basis_points") == pytest.approx(wanted + np.log(unit))
    assert value({"result": [norm(2.5, 1e-9)]}, **named) == 3.0
    assert value({"result": [norm(-900.0, 1e-9)]}, **named) == -20.0


def test_a_tail_judges_what_lies_beyond_it():
    def of(answer, **tail):
        levels = {"levels": LEVELS} if answer is QUANTILES else {}
        form = "quantiles" if answer is QUANTILES else "samples"
        return value(answer, LOSSES, rule="crps", answer=form, tail=tail, **levels)

    whole = value(SAMPLES, LOSSES, rule="crps", answer="samples")
    draws = np.array(SAMPLES["samples"])
    assert of(SAMPLES, above=2.0) == pytest.approx(scoringrules.twcrps_ensemble(2.5, draws, a=2.0))
    assert of(SAMPLES, below=2.0) + of(SAMPLES, above=2.0) == pytest.approx(whole)
    assert of(SAMPLES, above=100.0) == 0.0
    assert of(QUANTILES, above=3.0) == pytest.approx(2 / 3 * 0.1 * 3.0)
    bp = value(
        SAMPLES, LOSSES, rule="crps", answer="samples", unit="basis_points",
        tail={"above": 2.0 * 1e4 / ENTRY},
    )  # fmt: skip
    assert bp == pytest.approx(of(SAMPLES, above=2.0) * 1e4 / ENTRY)


@pytest.mark.parametrize("form", ["density", "densities", "samples", "quantiles", "paths"])
def test_a_score_does_not_depend_on_the_other_answers_of_the_batch(form):
    random = np.random.default_rng(3)
    normals = [
        [mixed(*np.abs(random.normal(size=(1 + k % 3, 3))).tolist()) for _ in range(3)]
        for k in range(9)
    ]
    answers = {
        "density": [each[:1] for each in normals],
        "densities": [{"result": each} for each in normals],
        "samples": [{"samples": random.normal(size=20 + k % 3).tolist()} for k in range(9)],
        "quantiles": [
            {"quantiles": list(map(list, zip(LEVELS, np.sort(random.normal(size=3)), strict=True)))}
            for _ in range(9)
        ],
        "paths": [{"paths": random.normal(size=(7 + k % 3, 3)).tolist()} for k in range(9)],
    }[form]
    spec = challenge(LOSSES, rule="crps", answer=form, levels=LEVELS if form == "quantiles" else [])
    together = scored(spec, *answers)["value"].tolist()
    assert together == [scored(spec, answer)["value"].item() for answer in answers]
    if form == "paths":
        energy = challenge(LOSSES, rule="energy")
        together = scored(energy, *answers)["value"].tolist()
        assert together == [scored(energy, answer)["value"].item() for answer in answers]


REFUSED = [
    ("samples", {"samples": []}, "samples must be a list of 1 to 10000 numbers"),
    ("samples", {"samples": [0.0] * 10_001}, "samples must be a list of 1 to 10000 numbers"),
    ("samples", {"samples": [1.0, True]}, r"samples\[1\] must be a number, not True"),
    ("samples", {"samples": [1.0, float("nan")]}, r"samples\[1\] is NaN"),
    ("samples", {"samples": [1e7]}, r"samples\[0\] is 1e\+07; at most 1e\+06 is an answer"),
    ("samples", {"p_up": 0.5}, r'expected \{"samples": \[x, ...\]\}, not \[\'p_up\'\]'),
    ("samples", {**SAMPLES, "more": 1}, "expected"),
    ("quantiles", {"quantiles": [[0.1, 0.0], [0.5, 1.0]]}, "must be 0.1, 0.5, 0.9, in this order"),
    ("quantiles", {"quantiles": [[0.1, 0.0], [0.9, 1.0], [0.5, 2.0]]}, "in this order"),
    ("quantiles", {"quantiles": {"0.1": 3.0}}, "must be a list of"),
    (
        "quantiles", {"quantiles": [[0.1, 0.0], [0.5, 2.0], [0.9, 1.0]]},
        "the quantile at 0.9 is 1, below that at 0.5, 2: quantiles ascend",
    ),
    ("quantiles", {"quantiles": [[0.1, 0.0], [0.5, "2"], [0.9, 3.0]]}, "at 0.5 must be a number"),
    ("paths", {"paths": []}, "must be a list of 1 to 500 paths"),
    ("paths", {"paths": [[0.0, 0.0, 0.0]] * 501}, "must be a list of 1 to 500 paths"),
    ("paths", {"paths": [[0.0, 1.0]]}, "each path must have 3 steps, not 2"),
    ("paths", {"paths": [[0.0, 1.0, 2.0], [0.0]]}, "each path must have 3 steps, not 1 or 3"),
    ("paths", {"paths": [[0.0, 1.0, float("inf")]]}, r"paths\[0\]\[2\] is infinite"),
    ("densities", {"result": [norm(0.0, 1.0)] * 2}, "2 densities; one for each of the 3 steps"),
    ("densities", {"result": [norm(0.0, 1.0), {"type": "x"}]}, "density 2: density type 'x'"),
    ("densities", {"result": []}, "expected"),
    ("density", {"p_up": 0.5}, "expected"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "output", "message"), REFUSED)
def test_an_answer_that_cannot_be_scored_is_refused_and_costs_itself_alone(form, output, message):
    levels = {"levels": LEVELS} if form == "quantiles" else {}
    spec = challenge(LOSSES, rule="crps", answer=form, **levels)
    with pytest.raises(ValueError, match=message):
        load_rules(spec).validate(output)
    good = {
        "samples": SAMPLES, "quantiles": QUANTILES, "paths": PATHS, "density": DENSITY,
        "densities": DENSITIES,
    }[form]  # fmt: skip
    assert load_rules(spec).validate(good) == good
    told = scored(spec, good, output, good)
    assert told["success"].tolist() == [True, False, True]
    assert told.index.tolist() == [5, 6, 7]


def test_an_answer_of_another_rounds_steps_fails_there():
    spec = challenge(rule="energy")
    rule = BuiltIn.of(spec)
    longer = BuiltIn(rule.scoring, rule.bound, frozenset({2, 3}), descending=True)
    longer.check({"paths": [[1.0, 2.0]]})
    frame = pd.DataFrame(
        {
            "output": [{"paths": [[1.0, 2.0]]}],
            "ground_truth": [{"changes": STEPS}],
            "entry_price": ENTRY, "resolved_price": RESOLVED, "outcome": 1.0,
        }
    )  # fmt: skip
    assert longer.score(frame)["failed_reason"].item() == (
        "the answer has 2 steps, and the round 3"
    )


def test_what_a_scorer_is_called_tells_its_settings():
    names = {
        load_rules(challenge(rule="crps", answer="samples", **more)).scorer
        for more in ({}, {"unit": "basis_points"}, {"tail": {"above": 1.0}})
    }
    assert len(names) == 3
    assert all(name.startswith("scoring.crps@1+") for name in names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scoring.rule": "best"}, "scoring.rule: must be 'brier', 'log_score'"),
        ({"scoring.answer": "paths"}, "scoring.answer: 'wis' scores quantiles"),
        ({"scoring.levels": REMOVED}, "scoring.levels: missing; quantiles need the levels"),
        ({"scoring.levels": [0.5, 0.1, 0.9]}, "scoring.levels: must ascend"),
        ({"scoring.levels": [0.1, 0.9]}, "scoring.levels: must be 0.5 and pairs around it"),
        ({"scoring.levels": [0.1, 0.5, 0.8]}, "scoring.levels: must be 0.5 and pairs around it"),
        ({"scoring.levels": [0.0, 0.5, 1.0]}, "scoring.levels[0]: must be greater than 0.0"),
        ({"scoring.levels": [0.5, 1.0]}, "scoring.levels[1]: must be less than 1.0"),
        ({"scoring.bounds": [0.0, 1.0]}, "scoring.bounds: means nothing for 'wis'"),
        ({"scoring.tail": {}}, "scoring.tail.above: give either above or below"),
        ({"scoring": {"rule": "crps", "tail": {"above": 1.0}}}, "scoring.tail: is not scored of"),
        ({"scoring": {"rule": "crps", "levels": [0.5]}}, "scoring.levels: means nothing for dens"),
        ({"scoring": {"rule": "log_score"}}, "scoring.bounds: missing; a log score has no worst"),
        (
            {"scoring": {"rule": "log_score", "bounds": [1.0, 1.0]}},
            "scoring.bounds: must be [lowest, highest]",
        ),
        ({"scoring": {"rule": "brier", "unit": "basis_points"}}, "scoring.unit: means nothing for"),
        (
            {"callables": {"SCORING_FUNCTION": "some.where:score"}},
            "scoring.rule: contradicts callables.SCORING_FUNCTION",
        ),
        (
            {"callables": {"GROUND_TRUTH_RESOLVER": "some.where:resolve"}},
            "scoring.rule: contradicts callables.GROUND_TRUTH_RESOLVER",
        ),
        (
            {
                "scoring": {"rule": "energy"},
                "scheduled_prediction_configs[0].scope_template.step": 90,
            },
            "scope_template.step: not a multiple of feed.granularity_seconds (60)",
        ),
        (
            {
                "scoring": {"rule": "energy"},
                "scheduled_prediction_configs[0].scope_template": {
                    "asset": "BTC", "horizon": 6060, "step": 60,
                },
            },
            "scope_template.step: makes 101 steps; at most 100 are scored",
        ),
    ],
)  # fmt: skip
def test_a_scoring_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(SpecError) as caught:
        challenge(changes, rule="wis", levels=LEVELS)
    assert message in str(caught.value)
