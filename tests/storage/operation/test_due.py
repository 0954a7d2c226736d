"""Which live rounds await a truth or scores."""

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.operation import Due
from tests.storage.examples import HOUR, START, at, predictions, prepare, rounds, scores, truths

LATER = START + HOUR


def ask(ledger: Ledger, minutes: list[int]) -> None:
    """Live rounds of two models, resolvable a minute later each."""
    ledger.add_prediction_batch(rounds(minutes, Mode.LIVE), predictions(minutes, mode=Mode.LIVE))


def test_a_live_round_is_due_once_it_is_resolvable(ledger: Ledger) -> None:
    prepare(ledger)
    assert ledger.due_rounds(LATER) is None
    ask(ledger, [0, 1, 2, 3])
    assert ledger.due_rounds(at(0.9)) is None
    assert ledger.due_rounds(at(1)) == Due(at(0), at(0), 1)
    assert ledger.due_rounds(at(3.5)) == Due(at(0), at(2), 3)


def test_a_round_stays_due_until_each_of_its_cells_has_a_score(ledger: Ledger) -> None:
    prepare(ledger)
    ask(ledger, [0, 1])
    ledger.add_ground_truths(truths([0, 1]))
    assert ledger.due_rounds(LATER) == Due(at(0), at(1), 2)
    ledger.add_scores(scores([0], mode=Mode.LIVE))
    ledger.add_scores(scores([1], ["alpha"], mode=Mode.LIVE))
    assert ledger.due_rounds(LATER) == Due(at(1), at(1), 1)
    ledger.add_scores(scores([1], ["beta"], mode=Mode.LIVE, value=None, rule="exclude"))
    assert ledger.due_rounds(LATER) is None


def test_answers_without_a_round_list_nothing(ledger: Ledger) -> None:
    prepare(ledger)
    answers = predictions([0], mode=Mode.LIVE)
    assert ledger.add_prediction_batch(pd.DataFrame(), answers).added == len(answers)
    assert ledger.due_rounds(LATER) is None


@pytest.mark.parametrize("state", ["UNRESOLVABLE", "VOID"])
def test_a_round_whose_outcome_does_not_count_is_done(ledger: Ledger, state: str) -> None:
    prepare(ledger)
    ask(ledger, [0, 1])
    ledger.add_ground_truths(truths([0], state=state))
    assert ledger.due_rounds(LATER) == Due(at(1), at(1), 1)


def test_the_newest_truth_decides(ledger: Ledger) -> None:
    prepare(ledger)
    ask(ledger, [0])
    ledger.add_ground_truths(truths([0]))
    ledger.add_ground_truths(truths([0], version=2, state="VOID"))
    assert ledger.due_rounds(LATER) is None


def test_a_round_that_nobody_was_a_member_of_needs_no_score(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0], Mode.LIVE), predictions([]))
    assert ledger.due_rounds(LATER) == Due(at(0), at(0), 1)
    ledger.add_ground_truths(truths([0]))
    assert ledger.due_rounds(LATER) is None


def test_void_and_replayed_rounds_are_never_due(ledger: Ledger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0], Mode.LIVE, status="VOID"), predictions([]))
    ledger.add_prediction_batch(rounds([1]), predictions([1]))
    assert ledger.due_rounds(LATER) is None


def test_scores_of_the_replay_settle_no_live_round(ledger: Ledger) -> None:
    prepare(ledger)
    ask(ledger, [0])
    ledger.add_prediction_batch(rounds([0]), predictions([0]))
    ledger.add_ground_truths(truths([0]))
    ledger.add_scores(scores([0]))
    assert ledger.due_rounds(LATER) == Due(at(0), at(0), 1)


def test_a_round_that_is_written_again_when_it_is_done_is_not_due(ledger: Ledger) -> None:
    prepare(ledger)
    ask(ledger, [0])
    ledger.add_ground_truths(truths([0]))
    ledger.add_scores(scores([0], mode=Mode.LIVE))
    ask(ledger, [0])
    assert ledger.due_rounds(LATER) is None


def test_many_rounds_at_once_are_settled_at_once(ledger: Ledger) -> None:
    prepare(ledger)
    minutes = list(range(50))
    ask(ledger, minutes)
    ledger.add_ground_truths(truths(minutes))
    assert ledger.due_rounds(LATER) == Due(at(0), at(49), 50)
    both = pd.concat([scores(minutes), scores(minutes, mode=Mode.LIVE)], ignore_index=True)
    ledger.add_scores(both)
    assert ledger.due_rounds(LATER) is None
