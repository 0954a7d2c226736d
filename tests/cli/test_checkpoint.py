"""``coordinator checkpoint``: nothing without ``--yes``, and every refusal says what to do."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.checkpoint.checkpoint import Checkpoints
from coordinator_pipelines.domain.doors.ledger import LEADERBOARD_COLUMNS, Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.timeline.window import window_of
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands
from tests.domain.checkpoint.entries import ranked
from tests.storage.examples import frame
from tests.support.pipeline import LATER

CHALLENGE = starter().challenge
PERIOD = window_of(CHALLENGE.start + timedelta(days=7), CHALLENGE.checkpoint_length)


@pytest.fixture
def office(tmp_path: Path, sqlite_url: str) -> Iterator[tuple[Commands, str]]:
    """Commands on a database with one live checkpoint, and its id."""
    ledger = SqlLedger(sqlite_url)
    row = {
        "mode": "live", "as_of": PERIOD.end, "version": 1, "final": True, "meta_json": "{}",
        "entries_json": json.dumps(ranked([0.9, 0.8, 0.8])), "content_hash": "x", "run_id": "r",
    }  # fmt: skip
    ledger.add_leaderboards(frame([row], LEADERBOARD_COLUMNS))
    boards = Boards(CHALLENGE, load_rules(CHALLENGE), ledger, Mode.LIVE, "run", LATER)
    stored = Checkpoints(boards).checkpoint(PERIOD)
    ledger.add_checkpoint(stored)
    ledger.close()
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": sqlite_url})
    yield commands, str(stored["id"].item())
    commands.end_all()


def test_a_payout_goes_its_way_step_by_step(office: tuple[Commands, str]) -> None:
    run, name = office
    assert f"{name}" in run.succeed("checkpoint", "list")
    shown = run.succeed("checkpoint", "show")
    assert "50 %" in shown
    assert "2=" in shown
    assert "State: PENDING" in shown
    assert "is not approved" in run.refuse("checkpoint", "submit", name, "--reference", "0x1")
    looked = run.succeed("checkpoint", "approve", name, "--by", "ann")
    assert "Would be APPROVED by ann. Nothing was changed; --yes does it." in looked
    assert "State: PENDING" in run.succeed("checkpoint", "show", name)
    run.succeed("checkpoint", "approve", name, "--by", "ann", "--yes")
    assert "PENDING, approved" in run.succeed("checkpoint", "list")
    run.succeed("checkpoint", "submit", name, "--reference", "0x1", "--yes")
    said = run.succeed("checkpoint", "paid", name, "--reference", "0x1", "--by", "bo", "--yes")
    assert said == f"{name}: PAID by bo; it is PAID\n"
    assert "APPROVED by ann" in run.succeed("checkpoint", "show", name)
    emission = json.loads(run.succeed("checkpoint", "export", name))
    assert [r["reward_pct"] for r in emission["cruncher_rewards"]] == [
        500_000_000, 250_000_000, 250_000_000,
    ]  # fmt: skip
    prizes = run.succeed("checkpoint", "export", name, "--format", "prizes", "--total-prize", "3")
    assert [prize["prize"] for prize in json.loads(prizes)] == [1, 1, 1]
    assert "pay the same" in run.succeed("checkpoint", "diff", name, name)


def test_refusals_say_what_there_is(office: tuple[Commands, str]) -> None:
    run, name = office
    assert "there is no checkpoint 'nothing'" in run.refuse("checkpoint", "show", "nothing")
    wrong = run.run("checkpoint", "export", name, "--format", "prizes")
    assert wrong.status == 2
    assert "--format prizes and --total-prize go together" in wrong.said
    assert "has no replay board yet" in run.refuse("checkpoint", "preview", "--mode", "replay")
    assert "no finding 'copies'" in run.refuse(
        "checkpoint", "acknowledge", name, "copies", "--reason", "a friend", "--yes"
    )
