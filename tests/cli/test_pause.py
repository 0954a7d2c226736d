"""``coordinator pause`` and ``resume``: what they write, and what they say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands

CONFIG = starter().challenge.configs[0].id


@pytest.fixture
def operator(tmp_path: Path, sqlite_url: str) -> Iterator[Commands]:
    """Commands on an empty database."""
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": sqlite_url})
    yield commands
    commands.end_all()


def test_a_config_is_paused_once_and_resumed_once(operator: Commands, sqlite_url: str) -> None:
    said = operator.succeed("pause", CONFIG, "--reason", "vendor [maintenance]")
    assert said.startswith(f"{CONFIG} is paused since 20")
    assert f"coordinator resume {CONFIG}` ends that" in said
    again = operator.succeed("pause", CONFIG, "--reason", "another")
    assert again.startswith(f"{CONFIG} is paused already, since 20")
    assert "(vendor [maintenance]); nothing was changed" in again
    shown = operator.succeed("status")
    assert "PAUSED" in shown
    assert ": vendor [maintenance]" in shown
    resumed = operator.succeed("resume", CONFIG)
    assert resumed.startswith(f"{CONFIG} goes on; it was paused since 20")
    assert operator.succeed("resume", CONFIG) == f"{CONFIG} is not paused; nothing was changed\n"
    ledger = SqlLedger(sqlite_url)
    [pause] = ledger.pauses().to_dict("records")
    ledger.close()
    assert pause["reason"] == "vendor [maintenance]"
    assert pause["paused_at"] < pause["resumed_at"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_unknown_config_is_answered_with_the_known_ones(
    coordinator: Commands, verb: str
) -> None:
    coordinator.succeed("db", "upgrade")
    said = coordinator.refuse(verb, "btc-1m")
    assert f"no active prediction config 'btc-1m'; it has: {CONFIG}" in said
    assert coordinator.counts()["config_pauses"] == 0
