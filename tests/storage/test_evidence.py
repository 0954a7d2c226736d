"""The log of evidence: what is committed to with what is stored, and that it cannot fork."""

import base64
import json
import threading
from contextlib import closing

import pandas as pd
import pytest
import sqlalchemy as sa

from coordinator_pipelines import verify_evidence as verifier
from coordinator_pipelines.domain.doors.evidence import Kind
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.evidence.opening import openings
from coordinator_pipelines.domain.evidence.proof import consistency, inclusion, log_root
from coordinator_pipelines.domain.values.errors import LedgerError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.examples import (
    CONFIG,
    at,
    checkpoint,
    leaderboard,
    predictions,
    prepare,
    rounds,
    truths,
)
from tests.storage.test_newest import explained
from tests.support.evidence import Operator


def texts(ledger: SqlLedger) -> list[dict[str, object]]:
    return [json.loads(entry.text) for entry in ledger.entries(0, 1000)]


def assert_one_log(ledger: SqlLedger) -> None:
    """All positions once, and every head the root of what it covers."""
    entries = ledger.entries(0, 10_000)
    assert [entry.position for entry in entries] == list(range(ledger.log_size()))
    leaves = [verifier.leaf_hash(entry.text.encode()) for entry in entries]
    assert log_root(ledger, len(leaves)) == verifier.root_of(leaves)
    for head in ledger.heads(0, 1000):
        assert head.root == verifier.root_of(leaves[: head.size])


def test_what_is_stored_is_committed_to(ledger: SqlLedger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0, 1]), predictions([0, 1]))
    ledger.add_prediction_batch(rounds([2], status="VOID"), predictions([]))
    ledger.add_ground_truths(truths([0]))
    ledger.add_leaderboards(leaderboard(1))
    ledger.add_checkpoint(checkpoint(60))
    kinds = [entry.kind for entry in ledger.entries(0, 9)]
    assert kinds == [Kind.PREDICTIONS] * 3 + [Kind.TRUTH, Kind.BOARD, Kind.CHECKPOINT]
    first, _, void, truth, board, paid = texts(ledger)
    assert first["performed_at"] == "2025-01-01T00:00:00Z"
    assert first["predictions"] == 2
    assert (void["status"], void["predictions"]) == ("VOID", 0)
    assert (truth["version"], board["as_of"]) == (1, "2025-01-01T00:01:00Z")
    assert paid["period_end"] == "2025-01-01T01:00:00Z"
    assert_one_log(ledger)


def test_what_is_written_again_is_not_committed_to_again(ledger: SqlLedger) -> None:
    prepare(ledger)
    for _ in range(2):
        ledger.add_prediction_batch(rounds([0]), predictions([0]))
        ledger.add_ground_truths(truths([0]))
        ledger.add_leaderboards(leaderboard(1))
        ledger.add_checkpoint(checkpoint(60))
        assert ledger.log_size() == 4


def test_what_is_added_to_a_round_later_is_an_entry_of_its_own(ledger: SqlLedger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0], ["alpha"]))
    again = pd.concat([predictions([0], ["alpha"], version=2), predictions([0], ["beta"])])
    ledger.add_prediction_batch(pd.DataFrame(), again)
    first, second = ledger.round_entries(Mode.REPLAY, CONFIG, at(0))
    leaves = ledger.commitments([first.position, second.position])
    assert [leaf[:2] for leaf in leaves[first.position].leaves] == [("alpha", 1)]
    assert [leaf[:2] for leaf in leaves[second.position].leaves] == [("alpha", 2), ("beta", 1)]


def test_a_write_that_fails_commits_to_nothing(ledger: SqlLedger) -> None:
    prepare(ledger)
    with pytest.raises(LedgerError):
        ledger.add_prediction_batch(rounds([0]), predictions([0], ["alpha", "nobody"]))
    with pytest.raises(LedgerError):
        ledger.add_ground_truths(truths([0], entry_price=float("inf")))
    assert ledger.log_size() == 0


def test_whatever_was_answered_opens_to_what_was_committed_to(ledger: SqlLedger) -> None:
    prepare(ledger)
    documents = ('{"a": 1e18, "b": -0.0}', '{"ü\\n": [1.50, 4.780298791660429e16, 5e-324]}',
                 '"\U0001f600"', '{"z": 9007199254740993, "\ufb33": null, "\U0001f600": 1}',
                 '{"b": 1.7976931348623157e308, "a": 123456789012345680000}')  # fmt: skip
    for minute, document in enumerate(documents):
        given = predictions([minute], output_json=document, raw_output_json=f"[{document}]")
        ledger.add_prediction_batch(rounds([minute]), given)
    ledger.add_ground_truths(truths(range(len(documents)), outcome=0.1, payload_json=documents[0]))
    ledger.add_leaderboards(leaderboard(1, entries_json=f"[{documents[1]}]"))
    ledger.add_checkpoint(checkpoint(60, meta_json=documents[3]))
    for opening in openings(ledger, ledger.entries(0, 99), lambda _: False):
        said = json.loads(opening.entry.text)
        for leaf, cell in opening.leaves:
            assert cell is not None
            told = json.loads(json.dumps(cell))
            hashed = verifier.leaf_hash(verifier.canonical(told).encode())
            assert base64.b64encode(hashed).decode() == leaf.hash
        if opening.content is not None:
            assert verifier._digest(opening.content) == said["content"]


def test_answers_are_closed_until_their_round_is_resolved(ledger: SqlLedger) -> None:
    prepare(ledger)
    ledger.add_prediction_batch(rounds([0]), predictions([0]))
    [closed] = openings(ledger, ledger.entries(0, 1), lambda model: model == "beta")
    assert not closed.is_open
    assert [cell is None for _, cell in closed.leaves] == [True, False]
    ledger.add_ground_truths(truths([0], state="UNRESOLVABLE", outcome=None))
    [opened] = openings(ledger, ledger.entries(0, 1), lambda _: False)
    assert [cell["model_id"] for _, cell in opened.leaves if cell] == ["alpha", "beta"]
    salts = {cell["salt"] for _, cell in opened.leaves if cell}
    assert len(salts) == 2


def test_heads_are_signed_as_the_log_grows(database_url: str) -> None:
    operator = Operator(database_url)
    operator.begin()
    operator.go_on(0, 3)
    assert operator.signer is not None
    key = verifier.VerifierKey.read(operator.signer.verifier_key)
    with operator.ledger() as ledger:
        heads = ledger.heads(0, 100)
        assert [head.size for head in heads] == list(range(1, ledger.log_size() + 1))
        for head in heads:
            note = verifier.Note.read(head.note)
            assert note.is_signed_by(key)
            assert note.time_by(key) == head.signed_at
            path = consistency(ledger, head.size, heads[-1].size)
            sizes = head.size, heads[-1].size
            assert verifier.is_consistent(*sizes, head.root, heads[-1].root, path)
        [entry] = ledger.round_entries(Mode.LIVE, CONFIG, at(2))
        commitment = ledger.commitments([entry.position])[entry.position]
        proof = inclusion(ledger, entry, commitment, "beta", heads[-1].size)
        assert proof is not None
        assert proof.root == heads[-1].root
        assert inclusion(ledger, entry, commitment, "nobody", heads[-1].size) is None
        assert_one_log(ledger)


def test_a_clock_that_runs_back_does_not_turn_the_log_back(database_url: str) -> None:
    operator = Operator(database_url)
    operator.begin()
    operator.ask(0, seconds=9)
    operator.ask(1, seconds=-58)
    with operator.ledger() as ledger:
        first, second = ledger.heads(0, 9)
    assert second.signed_at == first.signed_at


def test_writers_of_every_kind_at_once_grow_one_log(database_url: str) -> None:
    operator = Operator(database_url)
    operator.begin()
    failures: list[BaseException] = []

    def write(kind: int) -> None:
        try:
            with operator.ledger() as ledger:
                for minute in range(12):
                    if kind == 0:
                        ledger.add_prediction_batch(
                            rounds([minute], Mode.LIVE), predictions([minute], mode=Mode.LIVE)
                        )
                    elif kind == 1:
                        ledger.add_prediction_batch(rounds([minute]), predictions([minute]))
                    elif kind == 2:
                        ledger.add_ground_truths(truths([minute]))
                    else:
                        ledger.add_leaderboards(leaderboard(minute))
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(kind,)) for kind in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with operator.ledger() as ledger:
        assert ledger.log_size() == len(ledger.heads(0, 100)) == 48
        assert_one_log(ledger)


def test_no_table_is_walked_through_as_the_log_grows(sqlite_url: str) -> None:
    operator = Operator(sqlite_url)
    operator.begin()
    operator.go_on(0, 3)
    with operator.ledger() as ledger, explained(ledger) as plans:
        ledger.add_prediction_batch(rounds([9], Mode.LIVE), predictions([9], mode=Mode.LIVE))
        consistency(ledger, 3, ledger.log_size())
        assert ledger.newest_head() is not None
        openings(ledger, ledger.entries(0, 5), lambda _: False)
        ledger.round_entries(Mode.LIVE, CONFIG, at(2))
    assert plans
    # Of the heads, the last one in the order of the key.
    assert [plan for plan in plans if plan.startswith("SCAN")] == ["SCAN evidence_heads"] * 2


def test_no_key_is_in_the_database(sqlite_url: str) -> None:
    operator = Operator(sqlite_url)
    operator.begin()
    operator.go_on(0, 2)
    assert operator.signer is not None
    secret = operator.signer.private_text().split("+", 4)[4].strip()
    engine = sa.create_engine(sqlite_url)
    with closing(engine.raw_connection()) as connection:
        dump = "\n".join(connection.driver_connection.iterdump())
    engine.dispose()
    assert operator.signer.verifier_key in dump
    assert secret not in dump
    assert secret[4:40] not in dump
