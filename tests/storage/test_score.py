"""Scores in the ledger, and the statistics kept in step with them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.ledger import (
    SCORE_COLUMNS,
    SCORE_VALUE_COLUMNS,
    STATISTIC_COLUMNS,
    Ledger,
    Mode,
    Written,
)
from coordinator_pipelines.domain.score.statistics import score_statistics
from coordinator_pipelines.domain.values.errors import LedgerError
from tests.storage.examples import HOUR, START, at, scores

DAYS = 48 * HOUR


def statistics(ledger: Ledger) -> pd.DataFrame:
    return ledger.score_statistics(Mode.REPLAY, START - DAYS, START + DAYS)


def test_scores_come_back_as_they_were(ledger: Ledger) -> None:
    given = scores([0, 1])
    assert ledger.add_scores(given) == Written(4)
    stored = ledger.scores(Mode.REPLAY, START, START + HOUR)
    assert tuple(stored.columns) == SCORE_COLUMNS
    pd.testing.assert_frame_equal(stored, given, check_dtype=False)
    assert stored["success"].dtype == bool


def test_scores_are_selected_by_either_instant(ledger: Ledger) -> None:
    ledger.add_scores(scores(range(5), ["alpha"]))
    performed = ledger.scores(Mode.REPLAY, at(1), at(3))
    assert performed["performed_at"].tolist() == [at(1), at(2)]
    resolved = ledger.scores_resolved(Mode.REPLAY, at(1), at(3))
    assert resolved["resolvable_at"].tolist() == [at(2), at(3)]


def test_values_alone_are_those_of_the_newest_versions(ledger: Ledger) -> None:
    given = scores(range(5), ["alpha"])
    ledger.add_scores(given)
    ledger.add_scores(given.iloc[2:3].assign(version=2, value=0.125))
    told = ledger.score_values(Mode.REPLAY, at(1), at(4))
    assert tuple(told.columns) == SCORE_VALUE_COLUMNS
    assert told["resolvable_at"].tolist() == [at(2), at(3), at(4)]
    assert told["version"].tolist() == [1, 2, 1]
    assert told["value"].tolist()[1] == 0.125


def test_a_score_without_value_or_prediction_comes_back_missing(ledger: Ledger) -> None:
    absent = scores(
        [0], value=np.nan, prediction_version=np.nan, truth_version=None, success=False,
        status="ABSENT", rule="exclude",
    )  # fmt: skip
    ledger.add_scores(absent)
    stored = ledger.scores(Mode.REPLAY, START, START + HOUR)
    assert stored[["value", "prediction_version", "truth_version"]].isna().all(axis=None)
    assert statistics(ledger)[["n", "n_absent", "total"]].values.tolist() == [[0, 1, 0.0]] * 2


def test_adding_scores_again_changes_nothing(ledger: Ledger) -> None:
    ledger.add_scores(scores([0, 1]))
    before = statistics(ledger)
    assert ledger.add_scores(scores([0, 1], value=0.75)) == Written(0)
    pd.testing.assert_frame_equal(statistics(ledger), before)


def test_a_new_version_replaces_the_old_one_in_reads_and_statistics(ledger: Ledger) -> None:
    ledger.add_scores(scores([0, 1], ["alpha"]))
    assert ledger.add_scores(scores([1], ["alpha"], version=2, value=0.75)) == Written(1, 1)
    assert ledger.scores(Mode.REPLAY, START, START + HOUR)["value"].tolist() == [0.25, 0.75]
    resolved = ledger.scores_resolved(Mode.REPLAY, START, START + HOUR)
    assert resolved["version"].tolist() == [1, 2]
    [row] = statistics(ledger).to_dict("records")
    assert (row["n"], row["total"]) == (2, 1.0)


def test_buckets_are_closed_on_the_right_and_selected_by_their_end(ledger: Ledger) -> None:
    ledger.add_scores(scores([58, 59, 60], ["alpha"]))  # resolvable at 59, 60, 61
    assert statistics(ledger)["bucket_end"].tolist() == [START + HOUR, START + 2 * HOUR]
    assert statistics(ledger)["n"].tolist() == [2, 1]
    first = ledger.score_statistics(Mode.REPLAY, START, START + HOUR)
    assert first["bucket_end"].tolist() == [START + HOUR]
    assert tuple(first.columns) == STATISTIC_COLUMNS


def test_modes_have_statistics_of_their_own(ledger: Ledger) -> None:
    both = pd.concat([scores([0]), scores([0, 1], mode=Mode.LIVE)], ignore_index=True)
    ledger.add_scores(both)
    live = ledger.score_statistics(Mode.LIVE, START, START + HOUR)
    assert live["n"].tolist() == [2, 2]
    assert statistics(ledger)["n"].tolist() == [1, 1]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_score_is_refused_and_changes_no_statistics(
    ledger: Ledger, value: float
) -> None:
    ledger.add_scores(scores([0]))
    before = statistics(ledger)
    bad = scores([1])
    bad.loc[1, "value"] = value
    with pytest.raises(LedgerError, match=r"scores\.value is -?inf.*model_id=beta"):
        ledger.add_scores(bad)
    pd.testing.assert_frame_equal(statistics(ledger), before)
    assert len(ledger.scores(Mode.REPLAY, START, START + HOUR)) == 2


def test_sums_that_overflow_are_refused_as_a_whole(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"score_statistics\.\w+ is inf"):
        ledger.add_scores(scores([0, 1], value=1.5e308))
    assert ledger.scores(Mode.REPLAY, START, START + HOUR).empty


BATCHES = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 200),
            st.sampled_from(["alpha", "beta"]),
            st.integers(1, 3),
            st.one_of(st.just(np.nan), st.floats(-2, 2)),
            st.sampled_from(["SUCCESS", "FAILED", "TIMEOUT", "ABSTAINED", "ABSENT"]),
        ),
        max_size=12,
        unique_by=lambda score: score[:3],
    ),
    max_size=4,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=BATCHES, shift=st.integers(0, 10**6))
def test_statistics_equal_a_recomputation_from_the_newest_scores(
    ledger: Ledger, batches: list[list[tuple[int, str, int, float, str]]], shift: int
) -> None:
    config = f"config-{shift}-{len(batches)}"
    for batch in batches:
        frames = [
            scores([minute], [model], version=version, value=value, status=status)
            for minute, model, version, value, status in batch
        ]
        if frames:
            together = pd.concat(frames, ignore_index=True)
            ledger.add_scores(together.assign(prediction_config_id=config))
    newest = ledger.scores(Mode.REPLAY, START, START + DAYS)
    stored = statistics(ledger)
    expected = score_statistics(newest, HOUR)
    assert len(stored) == len(expected)
    pd.testing.assert_frame_equal(
        stored[stored["prediction_config_id"] == config].reset_index(drop=True),
        expected[expected["prediction_config_id"] == config].reset_index(drop=True),
        check_dtype=False,
        rtol=1e-12,
    )
