import numpy as np
import pandas as pd

from coordinator_pipelines.domain.certainty.series import score_series
from tests.domain.certainty.cases import MINUTE, series


def frame(*cells):
    rows = [
        (config, pd.Timestamp(asked * MINUTE, unit="us", tz="UTC"),
         pd.Timestamp((asked + horizon) * MINUTE, unit="us", tz="UTC"), model, value)
        for config, asked, horizon, model, value in cells
    ]  # fmt: skip
    names = ["prediction_config_id", "performed_at", "resolvable_at", "model_id", "value"]
    return pd.DataFrame(rows, columns=names)


def test_scores_are_aligned_by_round_and_config_whatever_their_order():
    cells = [("b", 1, 2, "y", 4.0), ("a", 1, 1, "x", 1.0), ("a", 0, 1, "y", 2.0),
             ("a", 2, 1, "x", np.nan), ("c", 0, 1, "x", 9.0), ("a", 0, 1, "z", 9.0)]  # fmt: skip
    told = score_series(frame(*cells), ["a", "b"], ["x", "y"])
    assert told.performed_at.tolist() == [0, MINUTE, MINUTE, 2 * MINUTE]
    assert told.config.tolist() == [0, 0, 1, 0]
    expected = [[np.nan, 2.0], [1.0, np.nan], [np.nan, 4.0], [np.nan, np.nan]]
    np.testing.assert_array_equal(told.values, expected)
    again = score_series(frame(*reversed(cells)), ["a", "b"], ["x", "y"])
    np.testing.assert_array_equal(told.values, again.values)


def test_nothing_is_a_series_of_no_rounds():
    told = score_series(frame(), ["a"], ["x"])
    assert len(told) == 0
    assert told.overlap == 1


def test_overlap_counts_the_rounds_that_are_asked_before_one_is_resolved():
    assert series(np.zeros((10, 1)), overlap=1).overlap == 1
    assert series(np.zeros((10, 1)), overlap=4).overlap == 4
    assert series(np.zeros((3, 1)), overlap=9).overlap == 3


def test_a_window_is_open_on_the_left_and_holds_rounds_with_a_value():
    values = [[1.0, np.nan], [2.0, 1.0], [np.nan, np.nan], [4.0, 5.0]]
    told = series(values).resolved_in(MINUTE, 4 * MINUTE)
    np.testing.assert_array_equal(told.values, [[2.0, 1.0], [4.0, 5.0]])
    assert told.of(["model-1"]).values.tolist() == [[1.0], [5.0]]
