"""Ground truths in the ledger."""

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import GROUND_TRUTH_COLUMNS, Ledger, Written
from coordinator_pipelines.domain.ground_truth.ground_truth import new_versions
from coordinator_pipelines.domain.values.content import canonical
from coordinator_pipelines.domain.values.errors import LedgerError
from tests.storage.examples import HOUR, START, at, prepare, truths


def test_truths_come_back_as_they_were(ledger: Ledger) -> None:
    prepare(ledger)
    given = truths([0, 1])
    assert ledger.add_ground_truths(given) == Written(2)
    stored = ledger.ground_truths(START, START + HOUR)
    assert tuple(stored.columns) == GROUND_TRUTH_COLUMNS
    pd.testing.assert_frame_equal(stored, given, check_dtype=False)


def test_the_newest_truth_of_each_round_is_read_whatever_its_state(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_ground_truths(truths([0, 1]))
    void = truths(
        [1],
        version=2,
        state="UNRESOLVABLE",
        outcome=np.nan,
        resolved_price=np.nan,
        resolved_record_version=np.nan,
        reason="no record",
    )
    assert ledger.add_ground_truths(void) == Written(1, revised=1)
    assert ledger.add_ground_truths(void) == Written(0)
    stored = ledger.ground_truths(START, START + HOUR)
    assert stored["state"].tolist() == ["FINAL", "UNRESOLVABLE"]
    assert stored["outcome"].isna().tolist() == [False, True]
    assert stored["resolved_record_version"].isna().tolist() == [False, True]


def test_the_window_of_truths_is_half_open(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_ground_truths(truths(range(4)))
    assert ledger.ground_truths(at(1), at(3))["performed_at"].tolist() == [at(1), at(2)]


def test_a_truth_of_an_unknown_config_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="register configs"):
        ledger.add_ground_truths(truths([0]))


def test_a_truth_with_any_numbers_is_the_same_when_it_is_told_again(ledger: Ledger) -> None:
    prepare(ledger)
    told = truths([0], payload_json=canonical({"x": [-0.0, 1e18, 1.5e300, 2**62, 1e-300, 5.0]}))
    ledger.add_ground_truths(told)
    computed = told.drop(columns="version")
    assert new_versions(computed, ledger.ground_truths(START, START + HOUR)).empty
