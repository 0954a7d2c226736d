"""What ``doctor`` tells of incentives: a table, a doubt, and an error where the spec is strict."""

from typing import Any

import pytest

from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.scaffold.checkup import Finding
from coordinator_pipelines.scaffold.honesty import examine_incentives
from tests.specs import changed

HERE = "tests.domain.incentives.scorers"
TIERS = {"strategy": "tiers", "ties": "tier"}  # simulated on few fields


def found(scorer: str, **changes: Any) -> Finding:
    callables = {"SCORING_FUNCTION": f"{HERE}:{scorer}"}
    return examine_incentives(checked_challenge(changed({"callables": callables, **changes})))


@pytest.mark.parametrize("strict", [False, True])
def test_rules_that_pay_for_silence_are_doubtful_and_wrong_if_the_spec_is_strict(strict: bool):
    spec = {"missing_data": {"default": "exclude"}, "emission": TIERS, "strict_incentives": strict}
    told = found("brier", **spec)
    assert (told.doubtful, told.wrong) == (True, strict)
    assert told.text.startswith("silent when unsure: earns ")
    assert '(20 made-up fields of 40 rounds, answers: {"p_up": x}' in told.text
    header, *rows = told.lines
    assert header.split()[0] == "forecaster"
    names = [row[:22].strip() for row in rows]
    assert names[:4] == ["calibrated", "sharpened", "flattened", "silent when unsure"]
    assert "stopped as a copy until acknowledged" in rows[-1]


@pytest.mark.parametrize("strict", [False, True])
def test_what_cannot_be_simulated_is_never_passed_in_silence(strict: bool):
    told = found("no_known_answer", strict_incentives=strict)
    assert (told.doubtful, told.wrong) == (True, strict)
    assert told.text.startswith("not simulated: its validator and its scorer take no answer")


def test_code_that_cannot_be_used_is_wrong():
    told = found("not_there")
    assert told.wrong
    assert "SCORING_FUNCTION" in told.text
