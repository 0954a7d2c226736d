"""The project under Dagster's own commands, without ours."""

import pytest

from tests.command import Commands

pytestmark = pytest.mark.slow

MATERIALIZE = (
    "asset", "materialize", "-m", "coordinator_pipelines.starter.definitions",
    "--select", '+key:"btc_up_down/leaderboard"', "--partition", "2026-11-01-03:00",
)  # fmt: skip


def materialize(coordinator: Commands):
    dagster_home = coordinator.directory / "dagster"
    dagster_home.mkdir(exist_ok=True)
    commands = Commands(coordinator.directory, extra={"DAGSTER_HOME": str(dagster_home)})
    return commands.run(*MATERIALIZE, program="dagster")


def test_a_window_is_materialized_in_an_upgraded_database(coordinator: Commands):
    coordinator.succeed("db", "upgrade")
    result = materialize(coordinator)
    assert result.status == 0, result.said
    assert coordinator.counts()["leaderboards"] == 1
    assert "as of 2026-11-01 04:00 UTC" in coordinator.succeed("leaderboard")


def test_without_a_schema_the_run_says_what_to_do(coordinator: Commands):
    result = materialize(coordinator)
    assert result.status != 0
    assert "run `coordinator db upgrade`" in result.said
    assert not coordinator.database().exists()
