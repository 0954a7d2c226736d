"""The log of a model when the disk, or whoever reads it, fails: nobody who prints waits."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator_pipelines.models.model_log import LOG_BYTES, Log

PRINTED = 300_000
"""More than a pipe holds: whoever prints it would wait for a reader that is gone."""


def print_to(log: Log) -> int:
    """Print as a model does, from a process of its own; its exit status."""
    code = f"import os; [os.write(1, b'x' * 1000) for _ in range({PRINTED // 1000})]"
    return subprocess.run(
        [sys.executable, "-c", code], stdout=log.pipe, timeout=20, check=False
    ).returncode


def test_all_that_is_printed_and_said_is_there(tmp_path: Path):
    log = Log(tmp_path / "model.log")
    assert print_to(log) == 0
    log.say(b"-- host: well\n")
    log.close()
    text = (tmp_path / "model.log").read_text()
    assert text.count("x") == PRINTED
    assert "-- host: well" in text


def test_a_long_log_is_turned_over(tmp_path: Path):
    (tmp_path / "model.log").write_text("old" * (LOG_BYTES // 3))
    log = Log(tmp_path / "model.log")
    assert print_to(log) == 0
    log.close()
    assert (tmp_path / "model.log.1").read_text().startswith("old")
    assert (tmp_path / "model.log").stat().st_size <= PRINTED


@pytest.mark.parametrize("obstacle", ["pipe", "link", "directory", "gone"])
def test_what_cannot_be_written_is_dropped_and_nobody_waits(tmp_path: Path, obstacle: str):
    path = tmp_path / "logs" / "model.log"
    path.parent.mkdir()
    match obstacle:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case "directory":
            path.mkdir()
        case _:
            shutil.rmtree(path.parent)
    log = Log(path)
    assert print_to(log) == 0
    for _ in range(PRINTED // 1000):
        log.say(b"y" * 1000)
    log.close()
    assert not (tmp_path / "elsewhere").exists()


def test_a_log_that_the_disk_has_no_room_for_goes_on_when_there_is_some(tmp_path: Path):
    log = Log(tmp_path / "model.log")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert print_to(log) == 0
        assert print_to(log) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.say(b"there is room again\n")
    log.close()
    text = (tmp_path / "model.log").read_text()
    assert len(text) < PRINTED
    assert text.endswith("there is room again\n")
