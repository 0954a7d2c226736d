import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.answer.density import probability_below
from coordinator_pipelines.domain.score.calibration import calibrated
from tests.domain.score.scoring_cases import CONFIG, challenge, instant


def cells(outputs, outcomes, changes=None):
    minutes = range(len(outputs))
    return pd.DataFrame(
        {
            "prediction_config_id": CONFIG,
            "performed_at": pd.to_datetime([instant(m) for m in minutes], utc=True),
            "resolvable_at": pd.to_datetime([instant(m + 1) for m in minutes], utc=True),
            "model_id": "one",
            "output": pd.Series(outputs, dtype="object"),
            "outcome": pd.Series(outcomes, dtype="float64"),
            "change": pd.Series(changes or [np.nan] * len(outputs), dtype="float64"),
        }
    )


def spec():
    return challenge(certainty={"draws": 100})


def normal(loc, scale):
    density = {"type": "builtin", "name": "norm", "params": {"loc": loc, "scale": scale}}
    return {"result": [density]}


def test_probabilities_are_told_apart_from_answers_that_are_none():
    outputs = [{"p_up": 0.5}, {"p_up": 1.0}, {"p_up": "no"}, None, {"p_up": 0.0}]
    told = calibrated(spec(), cells(outputs, [1, 1, 1, 0, np.nan]))
    assert told.rounds == 2
    assert told.brier.score == pytest.approx(0.125)
    assert told.sharpness == pytest.approx(0.125)
    assert told.reliability.forecast.tolist() == [0.5, 1.0]
    assert (told.pit, told.coverage, told.drift) == (None, None, None)


def test_a_density_says_of_the_size_of_the_change_too():
    rng = np.random.default_rng(1)
    changes = rng.normal(3.0, 2.0, 400)
    told = calibrated(spec(), cells([normal(3.0, 2.0)] * 400, changes > 0, changes.tolist()))
    assert told.rounds == 400
    assert told.pit.sum() == 400
    assert told.pit.min() > 20
    assert told.coverage == pytest.approx(0.9, abs=0.05)
    assert told.drift > 0.01


def test_a_model_that_has_become_worse_has_drifted():
    outcomes = np.random.default_rng(2).random(400) < 0.5
    sure = np.where(outcomes, 0.9, 0.1)
    said = np.where(np.arange(400) < 200, sure, 1 - sure)
    told = calibrated(spec(), cells([{"p_up": float(p)} for p in said], outcomes))
    assert told.drift < 0.02


def test_no_answers_say_nothing():
    told = calibrated(spec(), cells([], []))
    assert (told.rounds, told.brier, told.reliability, told.drift) == (0, None, None, None)


def test_the_distribution_function_is_that_of_the_mixture():
    parts = [
        {"density": normal(0.0, 1.0)["result"][0], "weight": 1},
        {"density": normal(4.0, 1.0)["result"][0], "weight": 3},
    ]
    mixture = [{"type": "mixture", "components": parts}]
    assert probability_below(mixture, 2.0) == pytest.approx(
        0.25 * 0.97725 + 0.75 * 0.02275, abs=1e-5
    )
    assert probability_below(normal(1.0, 1.0), -1e6) == 0.0
    with pytest.raises(ValueError, match="expected"):
        probability_below({"p_up": 0.5}, 0.0)
