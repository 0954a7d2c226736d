"""The key of the log on disk, and a challenge's run that signs with it."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from coordinator_pipelines import settings
from coordinator_pipelines.cli.views.proof import proof_lines
from coordinator_pipelines.domain.evidence.note import Signer
from coordinator_pipelines.domain.values.errors import EvidenceError
from coordinator_pipelines.resources.notary import notary_of
from tests.command import Commands
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.evidence import Operator, served_ledger
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import Pipeline
from tests.support.prices import closes_from, walk, write_candles


def test_a_key_is_made_once_for_this_user_alone(coordinator: Commands, tmp_path: Path) -> None:
    file = tmp_path / "keys" / "log.key"
    made = coordinator.run("evidence", "keygen", str(file), "--name", "example.org/log")
    assert made.status == 0, made.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.out.strip() == Signer.read(file.read_text()).verifier_key
    assert file.read_text().split("+", 4)[4].strip() not in made.said
    again = coordinator.run("evidence", "keygen", str(file), "--name", "example.org/log")
    assert again.status == 1
    assert "a key is never replaced" in again.err
    bad = coordinator.run("evidence", "keygen", str(tmp_path / "x"), "--name", "two words")
    assert "cannot name a log" in bad.err


def test_a_key_that_cannot_be_used_is_told_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = small_challenge(tmp_path)
    assert notary_of(challenge) is None
    for name, text in (("missing", None), ("broken", "PRIVATE+KEY+a+00000000+AAAA"), ("bin", "")):
        if text is not None:
            (tmp_path / name).write_text(text)
        monkeypatch.setenv(settings.EVIDENCE_KEY_VARIABLE, str(tmp_path / name))
        with pytest.raises(EvidenceError, match=settings.EVIDENCE_KEY_VARIABLE) as error:
            notary_of(challenge)
        assert "AAAA" not in str(error.value)
    own = f"{settings.EVIDENCE_KEY_VARIABLE}_{challenge.name.upper().replace('-', '_')}"
    (tmp_path / "key").write_text(Signer.new("example.org/own").private_text())
    monkeypatch.setenv(own, str(tmp_path / "key"))
    notary = notary_of(challenge)
    assert notary is not None
    assert notary.signer.name == "example.org/own"


def test_a_whole_challenge_is_verified_from_prices_to_boards(
    coordinator: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_candles(tmp_path / "prices.csv", closes_from(FIRST_BAR, walk(300)))
    write_participants(tmp_path, FOUR)
    challenge = small_challenge(tmp_path)
    signer = Signer.new("example.org/small")
    (tmp_path / "key").write_text(signer.private_text())
    monkeypatch.setenv(settings.EVIDENCE_KEY_VARIABLE, str(tmp_path / "key"))
    pipeline = Pipeline(challenge, tmp_path, monkeypatch)
    pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger, served_ledger(ledger, challenge, pipeline.clock) as url:
        state = str(tmp_path / "state.json")
        asked = ("verify", "--url", url, "--key", signer.verifier_key, "--state", state)
        done = coordinator.run(*asked)
        assert done.status == 0, done.said
        assert "OK: " in done.out
        assert "signed by example.org/small" in done.out
        size = ledger.log_size()
        assert size > 10
        pipeline.succeed(START + 2 * challenge.window_length)
        again = coordinator.run(*asked)
        assert again.status == 0, again.said
        assert f"OK: {ledger.log_size() - size} new entries" in again.out
        other = Signer.new("example.org/small").verifier_key
        wrong = coordinator.run("verify", "--url", url, "--key", other)
        assert wrong.status == 1
        assert "is not signed by example.org/small" in wrong.out
        nobody = coordinator.run("verify", "--url", url + "/nowhere")
        assert nobody.status == 1
        assert "answers 404" in nobody.err


def test_one_proof_is_shown_and_one_that_does_not_hold_is_refused(sqlite_url: str) -> None:
    operator = Operator(sqlite_url)
    operator.begin()
    with operator.ledger() as ledger, pytest.raises(EvidenceError, match="nothing can be proved"):
        proof_lines(ledger)
    operator.go_on(0, 2)
    with operator.ledger() as ledger:
        answer, path, verdict = proof_lines(ledger)
    assert answer == 'alpha in the live round of 2025-01-01 00:01:00 UTC: {"p_up": 0.11}'
    assert "of 7 entries (signed by example.org/a-challenge)" in path
    assert verdict.startswith("verified")
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE predictions SET output_json = '{}'")
    with operator.ledger() as ledger, pytest.raises(EvidenceError, match="not the one committed"):
        proof_lines(ledger)
