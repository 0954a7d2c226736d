"""The key of the log on disk, and a challenge's run that signs with it."""

import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines import settings
from coordinator_pipelines import verify_evidence as verifier
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.views.proof import proof_lines
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.evidence.note import Signer
from coordinator_pipelines.domain.rounds.void import Intent, Ruling, rounds_meant, rule
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import EvidenceError
from coordinator_pipelines.resources.notary import notary_of
from coordinator_pipelines.spec_file import load_challenge
from tests.command import Commands
from tests.storage.examples import configs, memberships
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.evidence import Operator, served, served_ledger
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import Pipeline
from tests.support.prices import closes_from, walk, write_candles

TSA = """
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


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


@pytest.mark.slow
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
        said = Intent(
            Ruling.VOIDED, Window(START, START + timedelta(minutes=1)), None, "ann", "odd"
        )
        rule(ledger, rounds_meant(challenge, ledger, said), said, pipeline.clock.now())
        pipeline.succeed(START, assets=["ground_truth"])
        void = coordinator.run(*asked)
        assert void.status == 0, void.said
        assert (
            "VOID: the round of 2025-01-01T02:00:00Z (btc-1m) does not count, voided by ann: odd\n"
        ) in void.out
        assert "1 rounds void by the operator's word" in void.out
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


def test_a_witness_cosigns_what_it_has_verified_and_holds_the_node_to_it(
    coordinator: Commands, sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operator, witness = Operator(sqlite_url), Signer.new("witness.example")
    operator.begin()
    operator.go_on(0, 2)
    (tmp_path / "witness.key").write_text(witness.private_text())
    head, state, fork = tmp_path / "head", tmp_path / "state", tmp_path / "fork.db"
    shutil.copy(sqlite_url.removeprefix("sqlite:///"), fork)
    asked = ("evidence", "cosign", "--key", str(tmp_path / "witness.key"))
    files = ("--state", str(state), "--out", str(head))
    held = ["--head", str(head), "--witness", witness.verifier_key]
    operator.ask(3)
    with served(operator, tmp_path) as url:
        assert "witness.example has cosigned" in coordinator.succeed(*asked, "--url", url, *files)
        assert verifier.main(["--url", url, *held]) == 0
        assert "witness.example saw the head of size 8 at 20" in capsys.readouterr().out
        other = Signer.new("witness.example").verifier_key
        assert verifier.main(["--url", url, "--head", str(head), "--witness", other]) == 1
        assert "not cosigned by witness.example" in capsys.readouterr().out
    forked = replace(operator, url=f"sqlite:///{fork}")
    forked.ask(3, models=("alpha",))
    with served(forked, tmp_path) as url:
        assert verifier.main(["--url", url, *held]) == 1
        assert "the log is forked: it does not begin with a head of 8" in capsys.readouterr().out
        before = head.read_bytes()
        assert "nothing was cosigned" in coordinator.refuse(*asked, "--url", url, *files)
        assert head.read_bytes() == before


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to stamp a head with")
def test_a_head_in_a_file_is_stamped_by_a_time_stamping_authority(
    coordinator: Commands, tmp_path: Path
) -> None:
    """RFC 3161, by an authority of our own."""
    url = f"sqlite:///{coordinator.database()}"
    coordinator.succeed("db", "upgrade")
    operator = Operator(url)
    with operator.ledger() as ledger:
        ledger.identify(load_challenge(starter_spec()).identity)
        ledger.register_configs(configs())
        ledger.record_memberships(memberships(mode=Mode.LIVE))
    operator.ask(0)
    head = tmp_path / "head.txt"
    assert "The head of 1 entries" in coordinator.succeed("evidence", "head", "--out", str(head))
    assert verifier.Note.read(head.read_text()).size == 1
    (tmp_path / "tsa.cnf").write_text(TSA)

    def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    made = openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out",
                   "tsa.pem", "-subj", "/CN=tsa", "-addext",
                   "extendedKeyUsage=critical,timeStamping")  # fmt: skip
    assert made.returncode == 0, made.stderr
    asked = openssl("ts", "-query", "-data", "head.txt", "-sha256", "-cert", "-out", "head.tsq")
    assert asked.returncode == 0, asked.stderr
    stamped = openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "head.tsq", "-out",
                      "head.tsr")  # fmt: skip
    assert stamped.returncode == 0, stamped.stderr
    checked = ("ts", "-verify", "-data", "head.txt", "-in", "head.tsr", "-CAfile", "tsa.pem")
    assert "Verification: OK" in openssl(*checked).stdout
    head.write_text(head.read_text().replace("\n1\n", "\n2\n"))
    assert openssl(*checked).returncode != 0
