"""Rounds and predictions in the ledger, and what every write refuses."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import (
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    Ledger,
    Mode,
    Written,
)
from coordinator_pipelines.domain.values.errors import LedgerError
from tests.storage.examples import HOUR, START, at, predictions, prepare, rounds

JSON_COLUMNS = ["output_json", "raw_output_json"]


def read(ledger: Ledger, mode: Mode = Mode.REPLAY) -> pd.DataFrame:
    return ledger.predictions(mode, START, START + HOUR)


def assert_nothing_is_stored(ledger: Ledger) -> None:
    assert read(ledger).empty
    assert ledger.rounds(Mode.REPLAY, START, START + HOUR).empty


def test_predictions_come_back_as_they_were(ledger: Ledger) -> None:
    prepare(ledger)
    given = predictions([0, 1])
    assert ledger.add_prediction_batch(rounds([0, 1]), given) == Written(4)
    stored = read(ledger)
    assert tuple(stored.columns) == PREDICTION_COLUMNS
    plain = [name for name in PREDICTION_COLUMNS if name not in JSON_COLUMNS]
    pd.testing.assert_frame_equal(stored[plain], given[plain])
    for name in JSON_COLUMNS:
        assert stored[name].map(json.loads).tolist() == given[name].map(json.loads).tolist()


def test_rounds_come_back_without_their_input(ledger: Ledger) -> None:
    prepare(ledger)
    given = rounds([0, 1], reason="late", input_ended_at=pd.NaT)
    ledger.add_prediction_batch(given, predictions([]))
    stored = ledger.rounds(Mode.REPLAY, START, START + HOUR)
    names = [name for name in ROUND_COLUMNS if name != "input_json"]
    pd.testing.assert_frame_equal(stored, given[names])


def test_predictions_without_outputs_leave_the_json_out(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0]))
    stored = ledger.predictions(Mode.REPLAY, START, START + HOUR, outputs=False)
    assert set(PREDICTION_COLUMNS) - set(stored.columns) == {*JSON_COLUMNS, "answer_hash"}
    assert len(stored) == 2


def test_adding_a_batch_again_adds_nothing(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0]))
    before = read(ledger)
    again = predictions([0, 1], run_id="run-2")
    assert ledger.add_prediction_batch(rounds([0, 1]), again) == Written(2)
    pd.testing.assert_frame_equal(read(ledger).iloc[:2], before)


def test_the_newest_version_of_each_cell_is_read(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0, 1]), predictions([0, 1]))
    second = predictions([1], ["beta"], version=2, code_hash="new")
    assert ledger.add_prediction_batch(rounds([1]), second) == Written(1, revised=1)
    stored = read(ledger)
    assert stored["version"].tolist() == [1, 1, 1, 2]
    assert stored["code_hash"].tolist() == ["c0de", "c0de", "c0de", "new"]


def test_one_write_may_bring_first_and_later_versions(ledger: Ledger) -> None:
    prepare(ledger)
    both = pd.concat([predictions([0]), predictions([0], version=2)], ignore_index=True)
    assert ledger.add_prediction_batch(rounds([0]), both) == Written(4, revised=2)


def test_the_window_of_a_batch_is_half_open(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds(range(4)), predictions(range(4)))
    window = (Mode.REPLAY, at(1), at(3))
    assert ledger.rounds(*window)["performed_at"].tolist() == [at(1), at(2)]
    assert ledger.predictions(*window)["performed_at"].unique().tolist() == [at(1), at(2)]


def test_live_and_replayed_predictions_never_meet(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0]))
    live = predictions([0], mode=Mode.LIVE)
    assert ledger.add_prediction_batch(rounds([0], Mode.LIVE), live) == Written(2)
    assert (read(ledger, Mode.LIVE)["mode"] == "live").all()
    assert (read(ledger)["mode"] == "replay").all()


def test_missing_values_come_back_missing(ledger: Ledger) -> None:
    prepare(ledger)
    missing: dict[str, Any] = dict.fromkeys([*JSON_COLUMNS, "runner_status", "code_hash"])
    failed = predictions([0], status="ABSENT", exec_time_ms=np.nan, **missing)
    ledger.add_prediction_batch(rounds([0]), failed)
    stored = read(ledger)
    assert stored["exec_time_ms"].isna().all()
    assert stored["exec_time_ms"].dtype == "float64"
    assert stored["output_json"].tolist() == [None, None]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_number_is_refused_with_its_column_and_key(
    ledger: Ledger, value: float
) -> None:
    prepare(ledger)
    with pytest.raises(LedgerError, match=r"predictions\.exec_time_ms is -?inf.*model_id=alpha"):
        ledger.add_prediction_batch(rounds([0]), predictions([0], exec_time_ms=value))
    assert_nothing_is_stored(ledger)


@pytest.mark.parametrize(
    "text",
    [
        '{"p": NaN}',
        "[Infinity]",
        "[-Infinity]",
        "[1e999]",
        "{'p': 1}",
        "",
        "1],[2",
        r'["\u0000"]',
        r'["\ud800"]',
    ],
)
def test_a_json_text_that_cannot_be_stored_is_refused(ledger: Ledger, text: str) -> None:
    prepare(ledger)
    given = predictions([0])
    given.loc[1, "raw_output_json"] = text
    with pytest.raises(LedgerError, match=r"predictions\.raw_output_json is not.*model_id=beta"):
        ledger.add_prediction_batch(rounds([0]), given)
    assert_nothing_is_stored(ledger)


def test_many_rows_of_extremes_come_back_bit_for_bit(ledger: Ledger) -> None:
    prepare(ledger)
    numbers = [5e-324, 1.7976931348623157e308, -2.5e-308, 0.1 + 0.2, 1 / 3, 1e16, 1e22, np.nan]
    reasons = ["\\N", "\\", "", None, "\t\r\n", "\N{SNOWMAN}", "\x7f", "null"]
    instants = [
        "1970-01-01T00:00:00.000001Z", "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z",
        "2025-02-28T23:59:59.000001Z", "2038-01-19T03:14:08Z", "2106-02-07T06:28:16.123457Z",
        "2261-12-31T23:59:59.999999Z", "1900-01-01T00:00:00Z",
    ]  # fmt: skip
    given = predictions(range(8), ["alpha"]).assign(
        exec_time_ms=numbers, failed_reason=reasons, resolvable_at=pd.DatetimeIndex(instants)
    )
    given = pd.concat([given, predictions(range(8), ["beta"])], ignore_index=True)
    given = given.astype({"resolvable_at": "datetime64[us, UTC]"})
    ledger.add_prediction_batch(rounds(range(8)), given)
    stored = read(ledger).sort_values(["model_id", "performed_at"], ignore_index=True)
    exact = ["exec_time_ms", "failed_reason", "resolvable_at", "performed_at"]
    pd.testing.assert_frame_equal(stored[exact], given[exact], check_exact=True)


@pytest.mark.parametrize(
    "text", ['["tab\\t, line\\n, quote \\" and \\\\"]', '{"é": "\\ud83d\\ude00 \\\\N"}', " 1e-300 "]
)
def test_json_with_escapes_survives(ledger: Ledger, text: str) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0], output_json=text))
    assert json.loads(read(ledger)["output_json"][0]) == json.loads(text)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("tab\t, newline\n, return\r, backslash \\N", "tab\t, newline\n, return\r, backslash \\N"),
        ("", ""),
        ("nul \0 and half \ud800", "nul \ufffd and half \ufffd"),
    ],
)
def test_a_reason_in_any_characters_never_sinks_the_batch(
    ledger: Ledger, given: str, stored: str
) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0], failed_reason=given))
    assert read(ledger)["failed_reason"].tolist() == [stored, stored]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": None}, r"predictions\.status is missing.*model_id=alpha"),
        ({"performed_at": pd.NaT}, r"predictions\.performed_at is missing"),
        ({"version": 1.5}, r"predictions\.version is 1\.5, not a whole number"),
        ({"exec_time_ms": "slow"}, r"predictions\.exec_time_ms holds what is not a number"),
        ({"output_json": {"p_up": 0.5}}, r"predictions\.output_json holds what is not text"),
        ({"scope_key": "\0"}, r"predictions\.scope_key holds characters"),
        ({"id": "same"}, "UNIQUE constraint|unique constraint"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(
    ledger: Ledger, changes: dict[str, Any], message: str
) -> None:
    prepare(ledger)
    with pytest.raises(LedgerError, match=message):
        ledger.add_prediction_batch(rounds([0]), predictions([0], **changes))
    assert_nothing_is_stored(ledger)


def test_naive_instants_are_refused(ledger: Ledger) -> None:
    prepare(ledger)
    given = predictions([0])
    given["performed_at"] = given["performed_at"].dt.tz_localize(None)
    with pytest.raises(TypeError, match=r"predictions\.performed_at is naive"):
        ledger.add_prediction_batch(rounds([0]), given)
    given["performed_at"] = [datetime(2025, 1, 1)] * 2  # noqa: DTZ001 - what is refused
    with pytest.raises(TypeError, match="naive"):
        ledger.add_prediction_batch(rounds([0]), given.astype({"performed_at": object}))
    assert_nothing_is_stored(ledger)


def test_missing_and_unknown_columns_are_named(ledger: Ledger) -> None:
    wrong = predictions([0]).rename(columns={"status": "state"})
    with pytest.raises(LedgerError, match="missing or unknown: state, status"):
        ledger.add_prediction_batch(rounds([]), wrong)


def test_a_cell_given_twice_is_refused(ledger: Ledger) -> None:
    prepare(ledger)
    twice = pd.concat([predictions([0]), predictions([0])], ignore_index=True)
    with pytest.raises(LedgerError, match=r"predictions: .*model_id=alpha.* is there twice"):
        ledger.add_prediction_batch(rounds([0]), twice)


def test_a_write_that_fails_half_way_leaves_nothing(ledger: Ledger) -> None:
    prepare(ledger)
    with pytest.raises(LedgerError, match=r"(?i)foreign key.*record memberships"):
        ledger.add_prediction_batch(rounds([0]), predictions([0], ["alpha", "stranger"]))
    assert_nothing_is_stored(ledger)
    assert ledger.add_prediction_batch(rounds([0]), predictions([0])) == Written(2)


def test_instants_of_any_zone_are_stored_as_utc(ledger: Ledger) -> None:
    prepare(ledger)
    given = predictions([0])
    given["performed_at"] = given["performed_at"].dt.tz_convert("America/New_York")
    given["resolvable_at"] = given["resolvable_at"].dt.tz_convert("Asia/Tokyo").astype(object)
    ledger.add_prediction_batch(rounds([0]), given)
    stored = read(ledger)
    assert str(stored["performed_at"].dtype) == "datetime64[us, UTC]"
    assert stored["performed_at"].tolist() == [START, START]
    assert stored["resolvable_at"].tolist() == [at(1), at(1)]
