"""An audit finds every byte that was changed, says where, and nothing else; and changes nothing."""

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.revision.spec_change import Touch, spec_changes
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import LedgerError
from tests.specs import changed
from tests.support.audited import Audits
from tests.support.challenges import START

PLANTED = [
    ("feed_records", "close", "ground_truths"),
    ("rounds", "resolvable_at", "rounds"),
    ("rounds", "status", "rounds"),
    ("rounds", "input_ended_at", "rounds"),
    ("rounds", "scope_json", "rounds"),
    ("rounds", "input_json", "rounds"),
    ("predictions", "resolvable_at", "predictions"),
    ("predictions", "status", "predictions"),
    ("predictions", "runner_status", "predictions"),
    ("predictions", "failed_reason", "predictions"),
    ("predictions", "output_json", "predictions"),
    ("predictions", "code_hash", "predictions"),
    ("predictions", "scope_key", "predictions"),
    ("predictions", "answer_hash", "predictions"),
    ("ground_truths", "resolvable_at", "ground_truths"),
    ("ground_truths", "subject", "ground_truths"),
    ("ground_truths", "entry_price", "ground_truths"),
    ("ground_truths", "resolved_price", "ground_truths"),
    ("ground_truths", "outcome", "ground_truths"),
    ("ground_truths", "state", "ground_truths"),
    ("ground_truths", "entry_record_version", "ground_truths"),
    ("scores", "value", "scores"),
    ("scores", "success", "scores"),
    ("scores", "rule", "scores"),
    ("scores", "status", "scores"),
    ("scores", "truth_version", "scores"),
    ("scores", "resolvable_at", "scores"),
    ("score_statistics", "total", "score_statistics"),
    ("score_statistics", "squares", "score_statistics"),
    ("score_statistics", "n_positive", "score_statistics"),
    ("model_memberships", "joined_at", "model_scores"),
    ("model_scores", "metrics_json", "model_scores"),
    ("model_scores", "payload_json", "model_scores"),
    ("model_scores", "content_hash", "model_scores"),
    ("leaderboards", "final", "leaderboards"),
    ("leaderboards", "entries_json", "leaderboards"),
    ("leaderboards", "meta_json", "leaderboards"),
    ("checkpoints", "entries_json", "checkpoints"),
    ("checkpoints", "meta_json", "checkpoints"),
    ("payout_accounts", "cruncher_index", "checkpoints"),
    ("evidence_entries", "entry", "evidence_entries"),
    ("evidence_nodes", "hash", "evidence_entries"),
    ("evidence_commitments", "seed", "evidence_entries"),
]

IN_THE_MIDDLE = 20
"""Which row is changed of a table that has so many, else the last: a record that truths are of."""


def test_nothing_differs_in_what_the_pipeline_stored(books: Audits) -> None:
    report = books.audit()
    assert [str(one) for one in report.differences] == []
    counts = {name: step.recomputed for name, step in report.steps.items() if step.rows}
    assert counts == {
        "rounds": 30, "predictions": 120, "ground_truths": 30, "scores": 116,
        "score_statistics": 8, "model_scores": 8, "leaderboards": 2, "checkpoints": 1,
        "evidence_entries": 63,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column", "found_in"), PLANTED, ids=[f"{t}.{c}" for t, c, _ in PLANTED]
)
def test_a_changed_byte_is_found_in_its_row(
    books: Audits, table: str, column: str, found_in: str
) -> None:
    with books.changed(table, column, IN_THE_MIDDLE) as key:
        found = books.check(found_in).differences
    assert found
    if table == found_in:
        named = {name: value for name, value in key.items() if name in found[0].row}
        assert named
        assert any(one.row.items() >= named.items() for one in found)


def test_all_of_them_at_once_are_found_on_postgresql(postgresql_books: Audits) -> None:
    """Texts of JSON come back in another form there."""
    assert postgresql_books.audit().differences == []
    with ExitStack() as changes:
        for place, (table, column, _) in enumerate(PLANTED):
            if column != "status":  # what is no round or answer any more hides what else is
                changes.enter_context(
                    postgresql_books.changed(table, column, IN_THE_MIDDLE + place)
                )
        report = postgresql_books.audit()
    for table in {found_in for _, _, found_in in PLANTED}:
        assert report.steps[table].differences, table
    assert postgresql_books.audit().differences == []


def test_a_row_that_is_gone_is_missed(books: Audits) -> None:
    """The log and the sums remember it."""
    with books.changed("predictions", "version"):
        found = books.check("evidence_entries").differences
    assert any(one.recomputed == "no row" for one in found)


def test_another_spec_is_told_as_such(books: Audits) -> None:
    ranking = books.challenge.ranking.model_copy(update={"minimum_samples": 1})
    found = books.check("leaderboards", ranking=ranking)
    assert found.differences == []
    assert list(found.withheld) == ["the spec has changed since: ranking"]


def test_an_audit_writes_nothing(books: Audits) -> None:
    with books.ledger.snapshot(), pytest.raises(LedgerError, match="nothing is written"):
        books.ledger.record_memberships(books.ledger.memberships(Mode.REPLAY))


def test_a_snapshot_does_not_see_what_others_write(postgresql_books: Audits) -> None:
    ledger = postgresql_books.ledger
    window = Window(START, START + timedelta(hours=1))
    with ledger.snapshot():
        before = ledger.scores(Mode.REPLAY, window.start, window.end)
        with postgresql_books.changed("scores", "value"):
            seen = ledger.scores(Mode.REPLAY, window.start, window.end)
    pd.testing.assert_frame_equal(before, seen)


def test_what_cannot_be_recomputed_is_neither_sound_nor_different(books: Audits) -> None:
    """The last of the tests on these books: records do not come back."""
    books.ledger.prune_feed_records(START + timedelta(minutes=15))
    report = books.audit()
    assert report.differences == []
    truths = report.steps["ground_truths"]
    assert "not stored any more" in next(iter(truths.withheld))
    assert 0 < truths.recomputed < truths.rows
    assert report.steps["rounds"].recomputed < 30


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({"title": "Other", "strict_incentives": True}, set()),
        ({"refresh_interval_seconds": 60, "limits.call_timeout_seconds": 1}, set()),
        ({"emission.strategy": "winner_takes_all"}, {"checkpoints"}),
        ({"ranking.minimum_samples": 1}, {"leaderboards"}),
        ({"missing_data.default": "exclude"}, {"scores"}),
        ({"truth.tie_rule": "up"}, {"ground_truths"}),
    ],
    ids=str,
)
def test_what_a_spec_diff_says_is_where_an_audit_by_the_new_spec_differs(
    books: Audits, changes: dict[str, Any], reached: set[str]
) -> None:
    """Each step is recomputed from what is stored below it: only the change itself shows."""
    new = checked_challenge(changed(changes, books.challenge.model_dump(mode="json")))
    fields = {name: getattr(new, name) for name in Challenge.model_fields}
    steps = ("rounds", "predictions", "ground_truths", "scores", "leaderboards", "checkpoints")
    differing = {step for step in steps if books.check(step, **fields).differences}
    assert differing <= reached
    of = {"ground_truths": Touch.SCORES, "scores": Touch.SCORES, "leaderboards": Touch.BOARDS,
          "checkpoints": Touch.PAYOUTS}  # fmt: skip
    told = {touch for one in spec_changes(books.challenge, new) for touch in one.touches}
    assert {of[step] for step in differing} <= told
    assert {of[step] for step in reached} == told & set(of.values())
