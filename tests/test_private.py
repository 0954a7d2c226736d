"""What a home holds is for its user alone: databases, logs, Dagster's own files, backups."""

import stat
from pathlib import Path

import pytest

from coordinator_pipelines import private
from tests.command import Commands


def mode(path: Path) -> str:
    """The permissions of a file or directory, as ``ls`` writes them."""
    return stat.filemode(path.stat().st_mode)[1:]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COORDINATOR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_directories_of_a_home_are_closed_and_the_home_itself_lets_pass(home: Path):
    private.directory(home / "logs" / "models")
    assert mode(home) == "rwx--x--x"
    assert mode(home / "logs") == mode(home / "logs" / "models") == "rwx------"


def test_what_was_there_before_stays_as_it_is(home: Path):
    home.mkdir(mode=0o755)
    (home / "logs").mkdir(mode=0o755)
    private.directory(home / "logs")
    assert mode(home / "logs") == mode(home) == "rwxr-xr-x"


def test_a_log_is_added_to_and_nobody_else_reads_it(home: Path):
    for line in ("one\n", "other\n"):
        with private.appended(home / "logs" / "a.log") as log:
            log.write(line)
    assert (home / "logs" / "a.log").read_text() == "one\nother\n"
    assert mode(home / "logs" / "a.log") == "rw-------"


def test_a_database_and_its_backup_are_for_their_user_alone(coordinator: Commands):
    coordinator.succeed("db", "upgrade")
    coordinator.succeed("db", "backup", "copy.db")
    assert mode(coordinator.database()) == mode(coordinator.directory / "copy.db") == "rw-------"
    assert mode(coordinator.database().parent) == "rwx------"
    coordinator.database().unlink()
    coordinator.succeed("db", "restore", "copy.db")
    assert mode(coordinator.database()) == "rw-------"
