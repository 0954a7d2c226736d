"""``coordinator round``: what it stores, what it says, and what it refuses."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands, wait_for
from tests.specs import changed
from tests.support.tournament import CONFIG, NOON, TOURNAMENT, tournament

FEATURES = "id,size\na,1.5\nb,\n"
TRUTH = "id,truth\nb,2\na,1\n"
AT_ONCE = {"kind": "operator", "answer_within_seconds": 1, "resolve_after_seconds": 1}
SOON = {
    "scheduled_prediction_configs[0].schedule": AT_ONCE,
    "limits.call_timeout_seconds": 0.5,
}


@pytest.fixture
def operator(tmp_path: Path, sqlite_url: str) -> Iterator[Commands]:
    """Commands on an empty database, in a directory with a spec and tables."""
    commands = Commands(
        tmp_path,
        extra={"COORDINATOR_DATABASE_URL": sqlite_url},
    )
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(TOURNAMENT))
    (tmp_path / "soon.yaml").write_text(yaml.safe_dump(changed(SOON, TOURNAMENT)))
    (tmp_path / "features.csv").write_text(FEATURES)
    (tmp_path / "truth.csv").write_text(TRUTH)
    yield commands
    commands.end_all()


def test_a_round_is_opened_once_and_resolved_once(operator: Commands, sqlite_url: str) -> None:
    opening = ("round", "open", "--spec", "soon.yaml", "--features", "features.csv")
    said = operator.succeed(*opening)
    assert f"The round of {CONFIG} with 2 rows opens at 20" in said
    [at] = re.findall(r"--round (\S+) --truth FILE`", said)
    assert "is open already; nothing was changed" in operator.succeed(*opening, "--at", at)
    resolving = ("round", "resolve", "--spec", "soon.yaml", "--truth", "truth.csv", "--round", at)
    over = datetime.fromisoformat(at) + timedelta(seconds=1)
    wait_for(lambda: datetime.now(UTC) > over, why="its horizon has not passed")
    assert operator.succeed(*resolving) == (
        f"Version 1 of the truth of the round of {at} is posted\n"
    )
    assert "says that already; nothing was changed" in operator.succeed(*resolving)
    ledger = SqlLedger(sqlite_url)
    [truth] = ledger.posted_truths(NOON, NOON.replace(year=2199)).to_dict("records")
    ledger.close()
    assert truth["truth_json"] == '{"a":1.0,"b":2.0}'


def test_a_wrong_table_is_named_by_file_row_and_column(operator: Commands) -> None:
    (operator.directory / "features.csv").write_text(FEATURES.replace("b,", "b,n/a"))
    said = operator.refuse("round", "open", "--spec", "spec.yaml", "--features", "features.csv")
    assert "features.csv: row 2 (id 'b'), column 'size': not a finite number (value 'n/a')" in said


def test_a_challenge_with_a_schedule_has_no_rounds_to_open(operator: Commands) -> None:
    spec = Path(__file__).parents[2] / "coordinator_pipelines" / "starter" / "spec.yaml"
    said = operator.refuse(
        "round", "open", "--spec", str(spec), "--features", "features.csv", "--config", "btc"
    )
    assert "the rounds of btc-up-down follow its schedule" in said


def test_rounds_are_voided_and_restored_and_the_revisions_listed(
    operator: Commands, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup = tournament(tmp_path, monkeypatch, url=sqlite_url)
    cup.open()
    cup.capture()
    cup.clock.wait_until(NOON + timedelta(days=1))
    cup.post()
    cup.clock.wait_until(NOON + timedelta(days=2))
    cup.resolve()
    assert "no final live board was ever revised" in operator.succeed(
        "revision", "list", "--spec", "spec.yaml"
    )
    about = ("--spec", "spec.yaml", "--round", "2026-03-01T12:00Z", "--reason", "a wrong table")
    void = ("round", "void", *about, "--by", "ann")
    said = operator.succeed(*void)
    assert said.startswith("1 rounds would be VOIDED by ann:\n  2026-03-01 12:00:00 to")
    assert said.endswith("Nothing was changed; --yes does it.\n")
    assert operator.succeed(*void, "--yes").startswith("1 rounds are VOIDED by ann:")
    assert operator.succeed(*void, "--yes") == (
        "These rounds are voided already; nothing was changed\n"
    )
    cup.resolve()
    listed = operator.succeed("revision", "list", "--spec", "spec.yaml")
    assert "rev-live-20260303T0000Z-v2" in listed
    shown = operator.succeed("revision", "show", "--spec", "spec.yaml")
    assert "voided" in shown
    undo = operator.succeed("round", "unvoid", *about, "--by", "bo", "--yes")
    assert undo.startswith("1 rounds are RESTORED by bo:")
    cup.resolve()
    assert "rev-live-20260303T0000Z-v3" in operator.succeed(
        "revision", "list", "--spec", "spec.yaml"
    )
    nothing = ("--from", "2026-03-05T00:00Z", "--to", "2026-03-06T00:00Z")
    assert "has no round in" in operator.refuse(*void[:4], *nothing, "--reason", "none")
    missing = operator.run("round", "void", *about[:4])
    assert missing.status == 2
    assert "--reason" in missing.said
