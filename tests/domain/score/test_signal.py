"""What answers and truths are as numbers."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import GROUND_TRUTH_COLUMNS
from coordinator_pipelines.domain.score.signal import outcomes, signals
from tests.domain.score.scoring_cases import challenge

NORMAL = {"type": "builtin", "name": "norm", "params": {"loc": 3.0, "scale": 2.0}}
CAUCHY = {**NORMAL, "name": "cauchy"}
HALVES = [{"density": NORMAL, "weight": 1}, {"density": {**NORMAL, "name": "laplace"}, "weight": 1}]
METRICS = {
    "metrics": [{"name": "ic", "statistic": "ic", "window": "recent"}],
    "ranking": {"key": "ic"},
}


def of(answers, **signal):
    texts = [None if answer is None else json.dumps(answer) for answer in answers]
    return signals(challenge(**METRICS, signal=signal), texts).tolist()


def test_a_direction_is_the_probability_of_up_less_a_half_however_it_is_told():
    up = 0.5 * math.erfc(-3 / 2 / math.sqrt(2))
    assert of([{"p_up": 0.75}, [NORMAL], {"result": [NORMAL]}]) == pytest.approx(
        [0.25, up - 0.5, up - 0.5]
    )


def test_a_mean_is_that_of_the_density():
    mixed = [{"type": "mixture", "components": HALVES}]
    told = of([[NORMAL], mixed, [CAUCHY], {"p_up": 0.7}], answer="mean")
    assert told[:2] == [3.0, 3.0]
    assert np.isnan(told[2:]).all()


def test_a_field_is_a_number_of_the_answer():
    answers = [{"edge": -2}, {"edge": "2"}, {"edge": True}, {"edge": 1e101}, {}, [1], 10**400]
    told = of(answers, answer="field", answer_field="edge")
    assert told[0] == -2.0
    assert np.isnan(told[1:]).all()


@pytest.mark.parametrize("answer", [None, {}, [], {"p_up": 2}, {"p_up": "up"}, [NORMAL, NORMAL]])
def test_what_tells_no_direction_has_no_signal(answer):
    assert np.isnan(of([answer])).all()


def truths(*rows):
    frame = pd.DataFrame(rows, columns=["entry_price", "resolved_price", "payload_json"])
    return frame.reindex(columns=list(GROUND_TRUTH_COLUMNS))


def test_an_outcome_is_the_relative_change_of_the_price():
    rows = truths((100.0, 101.0, None), (100.0, 75.0, None), (0.0, 1.0, None), (np.nan, 1.0, None))
    assert outcomes(challenge(**METRICS), rows)[:2].tolist() == [0.01, -0.25]
    assert np.isnan(outcomes(challenge(**METRICS), rows)[2:]).all()


def test_an_outcome_may_be_a_field_of_an_authors_truth():
    spec = challenge(**METRICS, signal={"outcome_field": "profit"})
    rows = truths((1.0, 2.0, '{"profit": -3.5}'), (1.0, 2.0, '{"loss": 1}'), (1.0, 2.0, None))
    told = outcomes(spec, rows)
    assert told[0] == -3.5
    assert np.isnan(told[1:]).all()
