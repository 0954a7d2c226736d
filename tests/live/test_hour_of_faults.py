"""What must come of an hour in which everything goes wrong with the exchange.

It is told by the exchange's own prices, and by arithmetic here.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.timeline.instant import from_epoch
from tests.live.hour import (
    ANSWERS,
    DEADLINE,
    DELAY,
    END,
    HORIZON,
    HOUR,
    MINUTE,
    SECOND,
    Case,
    Hour,
    expected_outcome,
    live_through,
)
from tests.support.live import LIVE_START
from tests.support.pipeline import failure_text

pytestmark = pytest.mark.slow

WINDOW = timedelta(minutes=15)
KEY = ["performed_at", "model_id"]
QUARTERS = Case(SECOND, 15 * SECOND, 30 * SECOND, 315 * SECOND)
"""One of its resolutions meets the ban."""
MINUTES = Case(MINUTE, MINUTE, 2 * MINUTE, 345 * SECOND)


@pytest.mark.parametrize("case", [QUARTERS, MINUTES], ids=["every 15 s", "every minute"])
def test_an_hour_of_faults_leaves_every_cell_accounted_for_and_every_truth_true(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = live_through(case, tmp_path, monkeypatch)
    the_exchange_had_no_cause_for_complaint(hour)
    runs_fail_only_while_the_exchange_is_not_to_be_asked(hour)
    each_round_was_asked_or_is_void_for_stale_data(hour)
    each_expected_cell_has_one_outcome(hour)
    models_were_told_true_prices_of_the_past(hour)
    records_are_what_was_published(hour)
    truths_are_those_of_the_exchange(hour)
    a_revision_is_a_new_version_and_nothing_else_is(hour)
    the_minute_that_was_never_published_is_unresolvable_after_the_deadline(hour)
    what_has_a_truth_has_scores_and_nothing_else(hour)
    the_boards_of_record_are_final(hour)


# -- what must hold --------------------------------------------------------------------------


def the_exchange_had_no_cause_for_complaint(hour: Hour) -> None:
    assert hour.exchange.violations == []
    assert hour.exchange.troubles.faults == []  # each of them was met
    assert max(hour.exchange.weights.values()) < 100
    assert len(hour.exchange.requests) < 400


def runs_fail_only_while_the_exchange_is_not_to_be_asked(hour: Hour) -> None:
    for run in hour.node.runs:
        if not run.result.success:
            assert run.job == "resolve"
            assert "wants not to be asked until" in failure_text(run.result)
    assert len([run for run in hour.node.runs if run.job == "capture"]) == 4
    assert hour.node.runs[-1].result.success


def each_round_was_asked_or_is_void_for_stale_data(hour: Hour) -> None:
    assert list(hour.told["performed_at"]) == hour.asked_at
    assert set(hour.told["status"]) == {"ASKED", "VOID"}  # none is MISSED
    age = hour.rounds["performed_at"] - hour.rounds["input_ended_at"]
    void = hour.rounds["status"] == "VOID"
    assert (void == (age > hour.case.staleness)).all()
    assert hour.rounds.loc[void, "reason"].str.startswith("newest record ended ").all()
    assert hour.rounds.loc[~void, "reason"].isna().all()
    assert 2 <= void.sum() <= len(void) / 8
    assert (age > hour.case.usual_age).sum() <= len(age) / 4
    assert age.min() == hour.case.usual_age


def each_expected_cell_has_one_outcome(hour: Hour) -> None:
    asked = hour.told.loc[hour.told["status"] == "ASKED", "performed_at"]
    expected = {
        (at, model_id): outcome.value
        for at in asked
        for model_id in hour.models.replies
        if (outcome := expected_outcome(hour.case, model_id, at))
    }
    assert set(expected.values()) == {"SUCCESS", "FAILED", "ABSTAINED", "ABSENT"}
    cells = hour.cells.set_index(KEY)["status"]
    assert len(cells) == len(expected)
    assert cells.to_dict() == expected


def models_were_told_true_prices_of_the_past(hour: Hour) -> None:
    for ask, _ in hour.models.asked:
        [question] = ask.questions
        for data in (*(ask.history or ()), *question.ticks):
            for seconds, price in data["BTC"]:
                ended_at = from_epoch(seconds)
                assert ended_at + DELAY <= question.performed_at
                assert hour.is_price(ended_at, price)


def records_are_what_was_published(hour: Hour) -> None:
    for ended_at, close in zip(hour.records["ended_at"], hour.records["close"], strict=True):
        assert hour.is_price(ended_at, close)
    ends = {LIVE_START + k * hour.case.bar for k in range(HOUR // hour.case.bar)}
    assert set(hour.records["ended_at"]) == ends - hour.never
    again = hour.records[hour.records["version"] > 1]
    assert set(again["ended_at"]) == hour.revised
    assert set(again["version"]) == {2}


def truths_are_those_of_the_exchange(hour: Hour) -> None:
    assert sorted(hour.truths.index) == hour.asked_at
    final = hour.truths[hour.truths["state"] == "FINAL"]
    for at, truth in final.iterrows():
        entry, resolved = hour.true_close(at), hour.true_close(at + HORIZON)
        assert truth["entry_price"] == pytest.approx(entry, rel=1e-9)
        assert truth["resolved_price"] == pytest.approx(resolved, rel=1e-9)
        assert truth["outcome"] == float(resolved > entry)
    void = hour.truths[hour.truths["state"] == "VOID"]
    assert all(hour.true_close(at) == hour.true_close(at + HORIZON) for at in void.index)
    assert len(void) < len(hour.truths) / 10


def a_revision_is_a_new_version_and_nothing_else_is(hour: Hour) -> None:
    again = set(hour.truths.index[hour.truths["version"] > 1])
    assert again
    assert again <= hour.touching(hour.revised)
    versions = hour.node.pipeline.rows("ground_truths")
    assert len(versions) == len(hour.truths) + len(again)
    for name, after in (("entry_price", timedelta(0)), ("resolved_price", HORIZON)):
        for performed_at, price in zip(versions["performed_at"], versions[name], strict=True):
            ended_at = from_epoch(int(performed_at) // 10**6) + after
            assert price is None or hour.is_price(ended_at, float(price))


def the_minute_that_was_never_published_is_unresolvable_after_the_deadline(hour: Hour) -> None:
    truths = hour.truths[hour.truths["state"] == "UNRESOLVABLE"]
    assert set(truths.index) == hour.touching(hour.never)
    assert truths["reason"].str.startswith("no record of ").all()
    told_at = {run.result.run_id: run.started_at for run in hour.node.runs}
    for at, run_id in truths["run_id"].items():
        assert told_at[run_id] > at + HORIZON + DEADLINE


def what_has_a_truth_has_scores_and_nothing_else(hour: Hour) -> None:
    final = hour.truths.index[hour.truths["state"] == "FINAL"]
    cells = hour.cells[hour.cells["performed_at"].isin(final)]
    scores = hour.scores.sort_values(KEY)
    assert scores[KEY].to_records(index=False).tolist() == (
        cells.sort_values(KEY)[KEY].to_records(index=False).tolist()
    )
    answered = scores[scores["status"] == "SUCCESS"]
    assert len(answered) > len(scores) / 2
    outcomes = answered["performed_at"].map(hour.truths["outcome"])
    value = 1 - (answered["model_id"].map(ANSWERS) - outcomes) ** 2
    assert answered["value"].to_list() == pytest.approx(value.to_list(), rel=1e-12)


def the_boards_of_record_are_final(hour: Hour) -> None:
    final = hour.boards.loc[hour.boards["final"], "as_of"]
    assert list(final) == [LIVE_START + k * WINDOW for k in range(1, 5)]
    assert final.iloc[-1] == END
