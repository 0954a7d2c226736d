import pandas as pd
import pytest

from coordinator_pipelines.domain.author.scorer import scorer_from
from coordinator_pipelines.starter.scoring import (
    score_position_returns,
    score_prediction,
    score_predictions,
)


@pytest.fixture
def frame():
    outputs = [{"p_up": 0.9}, {"p_up": 0.5}, {"p_up": 0.2}]
    truths = [{"outcome": outcome} for outcome in (1.0, 0.0, 0.5)]
    return pd.DataFrame({
        "output": outputs,
        "ground_truth": truths,
        "outcome": [1.0, 0.0, 0.5],
        "entry_price": [100.0, 100.0, 100.0],
        "resolved_price": [110.0, 90.0, 100.0],
    })  # fmt: skip


def test_the_row_wise_and_the_batch_wise_form_agree(frame):
    by_row, by_batch = (scorer_from(f)(frame) for f in (score_prediction, score_predictions))
    pd.testing.assert_frame_equal(by_row, by_batch)
    assert by_batch["value"].tolist() == pytest.approx([0.99, 0.75, 0.91])


def test_position_returns_can_be_named_instead(frame):
    values = scorer_from(score_position_returns)(frame)["value"]
    assert values.tolist() == pytest.approx([0.08, 0.0, 0.0])
