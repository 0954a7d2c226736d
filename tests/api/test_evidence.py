"""The verifier against a running node, over HTTP: it passes, and says where something is wrong."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from coordinator_pipelines import verify_evidence as verifier
from coordinator_pipelines.api.http.keys import Tier, add_key
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.evidence.note import Signer
from tests.storage.examples import CONFIG, at, predictions, rounds
from tests.support.databases import empty_sqlite
from tests.support.evidence import Operator, served
from tests.support.pipeline import FixedClock

ROUNDS = 4


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Four live rounds, the last one still open; nobody changes them."""
    operator = Operator(empty_sqlite(tmp_path_factory.mktemp("evidence") / "ledger.db"))
    operator.begin()
    operator.go_on(0, ROUNDS - 1)
    return operator


@pytest.fixture
def operator(written: Operator, tmp_path: Path) -> Operator:
    """The same in a database of its own."""
    shutil.copy(written.url.removeprefix("sqlite:///"), tmp_path / "ledger.db")
    clock = FixedClock(written.clock.instant)
    return replace(written, url=f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)


@pytest.fixture
def url(operator: Operator, tmp_path: Path) -> Iterator[str]:
    """Its node."""
    with served(operator, tmp_path) as url:
        yield url


def change(operator: Operator, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(operator.url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute(statement, values).rowcount >= 1
        connection.commit()


def micros(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000)


def verified(url: str, **options: Any) -> verifier.Verification:
    run = verifier.Verification(verifier.Node(url), now=lambda: at(ROUNDS), **options)
    run.run()
    return run


def problem(url: str, **options: Any) -> str:
    """The only thing that is wrong."""
    [only] = verified(url, **options).problems
    return only


def get(url: str, path: str, **parameters: Any) -> Any:
    return httpx.get(f"{url}/reports/evidence/{path}", params=parameters).raise_for_status().json()


def test_it_passes_on_a_running_node(operator: Operator, url: str) -> None:
    done = verified(url)
    assert done.problems == []
    assert (done.entries, done.closed) == (ROUNDS + 2 * (ROUNDS - 1), 1)
    assert done.opened == 2 * (ROUNDS - 1) + 2 * (ROUNDS - 1)
    assert operator.signer is not None
    assert f"signed by {operator.signer.name}" in verifier.summary(done)


def test_it_is_a_file_that_runs_on_its_own(url: str, tmp_path: Path) -> None:
    file = tmp_path / "verify.py"
    file.write_bytes(httpx.get(f"{url}/reports/evidence/verifier").content)
    command = [sys.executable, "-I", str(file), "--url", url, "--state", str(tmp_path / "state")]
    for said in ("OK: 10 new entries", "OK: 0 new entries"):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        assert said in run.stdout


@pytest.mark.parametrize("column", ["output_json", "raw_output_json", "status"])
def test_a_changed_answer_is_found(operator: Operator, url: str, column: str) -> None:
    changed = {"output_json": '{"p_up": 0.12}', "raw_output_json": "[1]", "status": "FAILED"}
    own = f"UPDATE predictions SET {column} = ? WHERE model_id = 'beta' AND performed_at = ?"
    change(operator, own, changed[column], micros(at(1)))
    assert problem(url) == (
        f"the live round of 2025-01-01T00:01:00Z ({CONFIG}): the prediction of beta is not the one "
        "committed to"
    )


def test_a_dropped_answer_is_found(operator: Operator, url: str) -> None:
    own = "DELETE FROM predictions WHERE model_id = 'alpha' AND performed_at = ?"
    change(operator, own, micros(at(2)))
    assert "00:02:00Z" in problem(url)
    assert "the prediction of alpha was dropped" in problem(url)


def test_a_model_that_is_dropped_from_what_was_committed_is_found_at_once(
    operator: Operator, url: str
) -> None:
    last = "SELECT max(position) FROM evidence_commitments"
    own = f"UPDATE evidence_commitments SET leaves = ? WHERE position = ({last})"
    change(operator, own, '[["alpha", 1, "' + "A" * 43 + '="]]')
    assert "was committed to with 2 predictions, 1 are shown" in problem(url)
    change(operator, own, json.dumps([["alpha", 1, "A" * 43 + "="], ["beta", 1, "A" * 43 + "="]]))
    assert "00:03:00Z" in problem(url)
    assert "does not show the leaves that it committed to" in problem(url)


def test_a_model_that_was_never_asked_is_missed_by_its_owner(
    operator: Operator, tmp_path: Path
) -> None:
    operator.ask(ROUNDS, models=("alpha",))
    with served(operator, tmp_path) as url:
        assert verified(url).problems == []
        assert problem(url, model="beta").endswith(f"({CONFIG}) has nothing of beta")


def test_rounds_that_changed_places_are_found(operator: Operator, url: str) -> None:
    swap = "UPDATE evidence_entries SET position = ? WHERE position = ?"
    change(operator, "DELETE FROM evidence_commitments WHERE position IN (0, 1)")
    for new, old in ((-1, 0), (0, 1), (1, -1)):
        change(operator, swap, new, old)
    found = problem(url)
    assert found.startswith("entries 0 to 0 are not those that were signed at 2025-01-01T00:00:05Z")
    assert found.endswith("changed, dropped or reordered")


@pytest.mark.parametrize("position", [0, 3, 9])
def test_an_entry_that_was_changed_or_is_gone_is_found(
    operator: Operator, url: str, position: int
) -> None:
    own = "UPDATE evidence_entries SET entry = replace(entry, '2025', '2024') WHERE position = ?"
    change(operator, own, position)
    assert problem(url).startswith(f"entries {position} to {position} are not those")
    change(operator, "UPDATE evidence_entries SET position = 99 WHERE position = ?", position)
    gone = "the log ends at 9" if position == 9 else f"entry {position} is missing"
    assert gone in verified(url).problems[0]


def test_a_changed_truth_and_a_changed_board_are_found(operator: Operator, url: str) -> None:
    change(operator, "UPDATE ground_truths SET outcome = 0 WHERE performed_at = ?", micros(at(0)))
    assert problem(url) == (
        f"version 1 of the truth of the round of 2025-01-01T00:00:00Z ({CONFIG}) was changed after "
        "it was committed to"
    )
    change(operator, "UPDATE ground_truths SET outcome = 1 WHERE performed_at = ?", micros(at(0)))
    entries = '[{"rank": 2}]'
    change(operator, "UPDATE leaderboards SET entries_json = ? WHERE as_of = ?", entries,
           micros(at(2)))  # fmt: skip
    assert problem(url) == (
        "version 1 of the live board of 2025-01-01T00:02:00Z was changed after it was committed to"
    )
    change(operator, "DELETE FROM leaderboards WHERE as_of = ?", micros(at(2)))
    assert problem(url).endswith("board of 2025-01-01T00:02:00Z is gone")


def test_a_voided_round_is_told_and_its_record_is_held_on_to(operator: Operator, url: str) -> None:
    operator.rule(1)
    before = verified(url).seen
    operator.void(1)
    for seen in (before, verifier.Seen()):
        said: list[str] = []
        done = verified(url, seen=seen, tell=said.append)
        assert done.problems == []
        assert said == [
            f"VOID: the round of 2025-01-01T00:01:00Z ({CONFIG}) does not count, voided by ann: no "
            "trades"
        ]
        assert "1 rounds void by the operator's word" in verifier.summary(done)
    operator.rule(1, "RESTORED", 2)
    operator.resolve(1, version=3)
    assert verified(url).problems == []
    change(operator, "UPDATE round_voids SET reason = 'none' WHERE sequence = 2")
    assert problem(url).startswith("version 2 of the ruling of the round of 2025-01-01T00:01:00Z")
    change(operator, "DELETE FROM round_voids WHERE sequence = 2")
    assert problem(url).endswith("is gone")


def test_a_void_without_a_word_of_the_operator_is_found(operator: Operator, url: str) -> None:
    operator.rule(1)
    operator.void(2)
    assert problem(url) == (
        f"version 2 of the truth of the round of 2025-01-01T00:02:00Z ({CONFIG}) says that the "
        "round does not count; it is no tie, and the log has no word of the operator before it"
    )


def test_a_payout_that_was_changed_is_found(operator: Operator, url: str) -> None:
    operator.pay(ROUNDS)
    assert verified(url).problems == []
    own = "UPDATE checkpoints SET entries_json = replace(entries_json, 'alpha', 'beta')"
    change(operator, own)
    assert problem(url) == (
        "version 1 of the live checkpoint of 2025-01-01T00:04:00Z was changed after it was "
        "committed to"
    )


def test_a_late_commitment_is_found(operator: Operator, tmp_path: Path) -> None:
    operator.ask(ROUNDS, seconds=60)
    with served(operator, tmp_path) as url:
        assert problem(url) == (
            f"the live round of 2025-01-01T00:04:00Z ({CONFIG}) was committed too late, at "
            "2025-01-01T00:05:00Z: its outcome was known from 2025-01-01T00:05:00Z"
        )


def test_a_late_commitment_with_a_time_that_lies_is_found_by_whoever_looked_before(
    operator: Operator, url: str
) -> None:
    run = verified(url)
    operator.ask(ROUNDS, seconds=5)
    later = replace(run.seen, at=at(ROUNDS + 1).isoformat())
    assert "the log was seen without it" in problem(url, seen=later)
    assert verified(url, seen=run.seen).problems == []


def test_a_round_that_is_answered_twice_is_found(operator: Operator, url: str) -> None:
    operator.clock.instant = at(3)
    with operator.ledger() as ledger:
        more = predictions([3], ["beta"], Mode.LIVE, version=2)
        ledger.add_prediction_batch(rounds([3], Mode.LIVE), more)
    assert problem(url).endswith("was committed twice, as entries 7 and 10")


def test_a_forked_log_is_found_by_whoever_has_seen_the_other(
    operator: Operator, url: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    shutil.copy(operator.url.removeprefix("sqlite:///"), other)
    operator.ask(ROUNDS)
    seen = verified(url).seen
    fork = replace(operator, url=f"sqlite:///{other}")
    fork.ask(ROUNDS, models=("alpha",))
    with served(fork, tmp_path) as forked:
        assert verified(forked).problems == []
        assert problem(forked, seen=seen).startswith("the log is forked or rewritten: the log of")
        fork.resolve(ROUNDS - 1)
        assert problem(forked, seen=seen).startswith("the log is forked or rewritten: the log of")


def test_a_log_that_is_turned_back_is_found(operator: Operator, url: str, tmp_path: Path) -> None:
    shutil.copy(operator.url.removeprefix("sqlite:///"), tmp_path / "old.db")
    operator.ask(ROUNDS)
    seen = verified(url).seen
    with served(replace(operator, url=f"sqlite:///{tmp_path / 'old.db'}"), tmp_path) as old:
        assert problem(old, seen=seen).endswith("has lost entries: it has only 10 now")


def test_it_goes_on_where_it_was_and_opens_what_was_closed(operator: Operator, url: str) -> None:
    first = verified(url)
    operator.go_on(ROUNDS, ROUNDS + 1)
    second = verified(url, seen=first.seen)
    assert second.problems == []
    assert (second.entries, second.closed) == (6, 1)
    change(operator, "UPDATE predictions SET output_json = '{}' WHERE performed_at = ?",
           micros(at(ROUNDS - 1)))  # fmt: skip
    found = verified(url, seen=first.seen).problems
    assert [each.split(": ")[1] for each in found] == [
        "the prediction of alpha is not the one committed to",
        "the prediction of beta is not the one committed to",
    ]


@pytest.mark.parametrize("line", range(6))
def test_a_head_that_was_changed_anywhere_is_found(operator: Operator, url: str, line: int) -> None:
    with closing(sqlite3.connect(operator.url.removeprefix("sqlite:///"))) as connection:
        [note] = connection.execute(
            "SELECT note FROM evidence_heads ORDER BY size DESC LIMIT 1"
        ).fetchone()
    lines = note.split("\n")
    broken = ["other", "9", "B" + lines[2][1:], "more", "— x " + "A" * 92, ""][line]
    lines[line] = broken if line != 5 else lines[5][:-9] + "AAAAAAAA="
    change(operator, "UPDATE evidence_heads SET note = ? WHERE size = 10", "\n".join(lines))
    assert "the newest head" in problem(url)


def test_a_log_of_another_key_is_refused(url: str) -> None:
    other = verifier.VerifierKey.read(Signer.new("example.org/a-challenge").verifier_key)
    assert "is not signed by example.org/a-challenge" in problem(url, key=other)


def test_an_unsigned_log_says_so(sqlite_url: str, tmp_path: Path) -> None:
    operator = Operator(sqlite_url, signer=None)
    operator.begin()
    operator.go_on(0, 2)
    with served(operator, tmp_path) as url:
        done = verified(url)
        assert done.problems == []
        assert "NOT SIGNED" in verifier.summary(done)
        answer = httpx.get(f"{url}/reports/evidence/checkpoint")
        assert answer.headers["X-Warning"].startswith("not signed")
        assert answer.text.split("\n")[1] == "7"
        key = verifier.VerifierKey.read(Signer.new("somebody").verifier_key)
        assert problem(url, key=key) == "the newest head is not signed by somebody"
        own = "UPDATE evidence_entries SET entry = '{}' WHERE position = ?"
        change(operator, own, 2)
        assert "entries 0 to 6 are not those of the head of size 7" in problem(url)


def test_inclusion_is_proved_before_the_round_is_resolved(operator: Operator, url: str) -> None:
    assert operator.signer is not None
    key = verifier.VerifierKey.read(operator.signer.verifier_key)
    asked = {"model": "beta", "config": CONFIG, "mode": "live"}
    for minute in range(ROUNDS):
        proof = get(url, "inclusion", round=f"2025-01-01T00:0{minute}:00Z", **asked)
        assert verifier.check_inclusion(proof, key) == []
        assert verifier.check_inclusion(proof | {"leaf_index": 0}, key)
        assert verifier.check_inclusion(proof | {"leaf_hash": proof["root"]}, key)
        assert verifier.check_inclusion(proof | {"note": proof["note"].replace("10", "11")}, key)
    nobody = asked | {"model": "nobody", "round": "2025-01-01T00:01:00Z"}
    refused = httpx.get(f"{url}/reports/evidence/inclusion", params=nobody)
    assert refused.status_code == 404
    assert "nobody" in refused.json()["message"]


def test_answers_are_opened_after_the_outcome_and_to_their_owner_at_once(
    operator: Operator, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    own = add_key(keys, "own", Tier.READ, "someone", at(0))
    other = add_key(keys, "other", Tier.READ, "somebody", at(0))
    last = {"positions": "7"}
    with served(operator, tmp_path, keys) as url:
        path = f"{url}/reports/evidence/openings"
        assert httpx.get(path, params=last).status_code == 401
        for key, shown in ((own, True), (other, False)):
            [told] = httpx.get(path, params=last, headers={"X-API-Key": key}).json()
            assert not told["is_open"]
            assert [leaf["cell"] is not None for leaf in told["leaves"]] == [shown, shown]
        for public in ("head", "entries", "heads", "checkpoint", "verifier"):
            assert httpx.get(f"{url}/reports/evidence/{public}").status_code == 200
        [told] = httpx.get(path, params={"positions": "0"}, headers={"X-API-Key": other}).json()
        assert all(leaf["cell"]["salt"] for leaf in told["leaves"])


def test_what_is_asked_wrongly_is_refused_by_name(url: str) -> None:
    for path, wrong, said in (
        ("consistency", {"first": 5, "second": 2}, "first (5) is larger than second (2)"),
        ("consistency", {"first": 1, "second": 999}, "the log has no 999 entries"),
        ("openings", {"positions": ",".join(map(str, range(60)))}, "names 60 entries"),
        ("openings", {"positions": "1;2"}, "positions"),
    ):
        answer = httpx.get(f"{url}/reports/evidence/{path}", params=wrong)
        assert answer.status_code in (404, 422)
        assert said in answer.json()["message"]


def test_a_node_that_cannot_be_asked_is_no_verdict(url: str, capsys, tmp_path: Path) -> None:
    assert verifier.main(["--url", f"{url}/nowhere"]) == 2
    assert "answers 404" in capsys.readouterr().err
    assert verifier.main(["--url", "file:///etc"]) == 2
    assert verifier.main(["--url", url, "--key", "nonsense"]) == 2
    (tmp_path / "state").write_text("{}}")
    assert verifier.main(["--url", url, "--state", str(tmp_path / "state")]) == 2
    assert "is no state of this program" in capsys.readouterr().err
