"""What commands say when they are called wrongly, or have nothing to show."""

import errno
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from coordinator_pipelines.cli.failure import told
from coordinator_pipelines.cli.main import VERBS
from coordinator_pipelines.cli.main import coordinator as coordinator_command
from tests.command import Commands

SECRET = "hunter2"


def test_help_names_every_command(coordinator: Commands):
    said = coordinator.succeed("--help")
    assert all(re.search(rf"^  {verb}  ", said, re.MULTILINE) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_explains_itself(verb: str):
    said = CliRunner().invoke(coordinator_command, [verb, "--help"], prog_name="coordinator")
    assert f"Usage: coordinator {verb}" in said.output
    summary = VERBS[verb][1]
    assert summary.removesuffix(".") in " ".join(said.output.split())


def test_the_version_is_told(coordinator: Commands):
    assert re.search(r"\d+\.\d+", coordinator.succeed("--version"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--all"),
        ("demo", "--price", "x"),
        ("demo", "--days", "0"),
        ("dev", "--port", "70000"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_refused_by_name(coordinator: Commands, arguments: tuple[str, ...]):
    result = coordinator.run(*arguments)
    assert result.status == 2
    assert arguments[-1 if len(arguments) < 3 else 1] in result.err
    assert "Traceback" not in result.said


@pytest.mark.parametrize("verb", ["leaderboard", "boards"])
def test_without_a_database_a_command_says_what_to_run_and_creates_nothing(
    coordinator: Commands, verb: str
):
    assert "coordinator db upgrade" in coordinator.refuse(verb)
    assert not coordinator.home.exists()


def test_an_empty_database_has_no_leaderboard(coordinator: Commands):
    coordinator.succeed("db", "upgrade")
    said = coordinator.refuse("leaderboard")
    assert "btc-up-down has no leaderboard yet" in said
    assert "coordinator demo" in said
    assert coordinator.succeed("boards").startswith("0 boards are outdated")


def test_an_upgrade_creates_the_schema_and_then_leaves_it_alone(coordinator: Commands):
    first = coordinator.succeed("db", "upgrade")
    assert re.match(r"schema (None|none) -> \w+", first)
    head = first.split()[-1]
    assert coordinator.succeed("db", "upgrade") == f"schema at {head}\n"


def test_a_spec_that_is_not_there_is_named(coordinator: Commands):
    for verb in (("leaderboard",), ("boards",), ("db", "upgrade")):
        assert "nowhere.yaml: there is no such file" in coordinator.refuse(
            *verb, "--spec", "nowhere.yaml"
        )


UNREACHABLE = f"postgresql://someone:{SECRET}@127.0.0.1:9/nothing"


def refuse_url(coordinator: Commands, url: str, *arguments: str) -> None:
    wrong = Commands(coordinator.directory, extra={"COORDINATOR_DATABASE_URL": url})
    said = wrong.refuse(*arguments, timeout=60)
    assert SECRET not in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "url",
    [
        f"nonsense {SECRET}",
        f"mysql://someone:{SECRET}@127.0.0.1/nothing",
        f"postgresql://someone:{SECRET}@127.0.0.1:port/nothing",
        "sqlite://",
    ],
)
def test_a_wrong_database_url_is_one_message_without_the_password(coordinator: Commands, url: str):
    refuse_url(coordinator, url, "db", "upgrade")


@pytest.mark.parametrize(
    "arguments",
    [("db", "upgrade"), ("leaderboard",), ("boards",), ("demo",), ("dev", "--port", "39999")],
    ids=" ".join,
)
def test_an_unreachable_database_is_one_message_without_the_password(
    coordinator: Commands, arguments: tuple[str, ...]
):
    refuse_url(coordinator, UNREACHABLE, *arguments)


def test_an_instant_needs_a_zone(coordinator: Commands):
    result = coordinator.run("leaderboard", "--as-of", "2026-11-02T00:00")
    assert result.status == 2
    assert "2026-11-02T00:00" in result.err


def test_more_days_than_are_over_are_refused(coordinator: Commands):
    said = coordinator.refuse("demo", "--days", "100000")
    assert "--days 100000" in said


IMPOSSIBLE = {
    "below-a-device": "/dev/null/home",
    "not-for-files": "/proc/home",
    "too-long": "/tmp/" + "x" * 300,
}
WRITING = (
    ("demo",),
    ("dev",),
    ("deploy",),
    ("db", "upgrade"),
    ("report-keys", "add", "me"),
    ("runs", "prune", "--older-than", "7"),
)


@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
@pytest.mark.parametrize("home", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_home_is_one_plain_message(
    coordinator: Commands, home: str, arguments: tuple[str, ...]
):
    said = replace(coordinator, extra={"COORDINATOR_HOME": home}).refuse(*arguments)
    assert home in said
    assert said.count("\n") <= 3


def test_a_home_that_is_a_file_is_named(coordinator: Commands):
    coordinator.home.write_text("a file")
    said = coordinator.refuse("db", "upgrade")
    assert f"COORDINATOR_HOME is {coordinator.home}: name a directory" in said


def test_what_nobody_foresaw_is_written_down_and_not_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("COORDINATOR_HOME", str(tmp_path))
    try:
        raise ValueError("a fault of ours")
    except ValueError as error:
        said = told(error)
    log = tmp_path / "logs" / "coordinator-errors.log"
    assert said.startswith("this was not foreseen: ValueError: a fault of ours\n")
    assert str(log) in said
    assert "Traceback" not in said
    assert 'raise ValueError("a fault of ours")' in log.read_text()


def test_a_failure_of_the_system_is_told_whatever_wraps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("COORDINATOR_HOME", str(tmp_path))
    wrapped = RuntimeError("Dagster's own words")
    wrapped.__cause__ = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "a"))
    assert told(wrapped).startswith(f"{tmp_path / 'a'}: No space left on device; COORDINATOR_HOME")


@pytest.mark.parametrize("verb", [("db", "upgrade"), ("status",), ("demo",)], ids=" ".join)
def test_a_database_in_a_directory_that_is_not_there_is_told_and_not_made(
    coordinator: Commands, verb: tuple[str, ...]
):
    missing = coordinator.directory / "mispelt"
    url = {"COORDINATOR_DATABASE_URL": f"sqlite:///{missing}/challenge.db"}
    said = replace(coordinator, extra=url).refuse(*verb)
    assert f"the directory {missing} does not exist" in said
    assert not missing.exists()
