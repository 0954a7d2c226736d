"""What processes do to each other's ledger: crashes, crowds, foreign time zones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from tests.storage.examples import HOUR, START, predictions, prepare, rounds
from tests.storage.writer import BATCH_ROWS
from tests.support import fork_server
from tests.support.fork_server import Forked

ROOT = Path(__file__).parents[2]
WRITER = "tests.storage.writer"
EVER = 10_000 * HOUR


def start(url: str, work: str, **environment: str) -> Forked:
    return fork_server.start(WRITER, url, work, directory=ROOT, **environment)


@pytest.mark.parametrize("batches", [0, 2])
def test_a_killed_process_leaves_whole_batches_and_nothing_else(
    database_url: str, ledger: Ledger, batches: int
) -> None:
    prepare(ledger)
    with start(database_url, "crash") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == f"writing {batches}\n":
                process.kill()
                break
    # A server may notice the death a little later: a write waits for the dead one's lock.
    ledger.add_prediction_batch(rounds([]), predictions([]))
    stored = ledger.predictions(Mode.REPLAY, START, START + EVER, outputs=False)
    asked = ledger.rounds(Mode.REPLAY, START, START + EVER)
    assert len(stored) in {batches * BATCH_ROWS, (batches + 1) * BATCH_ROWS}
    assert len(asked) * 2 == len(stored)


def test_processes_that_write_the_same_rows_duplicate_nothing(
    database_url: str, ledger: Ledger
) -> None:
    prepare(ledger)
    processes = [start(database_url, "crowd") for _ in range(2)]
    added = [int(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    minutes = 20 * 20
    assert sum(added) == minutes * 2 + minutes * 2 + minutes
    window = (START, START + 24 * HOUR)
    assert len(ledger.predictions(Mode.REPLAY, *window)) == minutes * 2
    assert (ledger.feed_records(["BTC"], *window, all_versions=True)["version"] == 1).all()
    statistics = ledger.score_statistics(Mode.REPLAY, START, START + 24 * HOUR)
    assert statistics["n"].sum() == minutes * 2


@pytest.mark.slow
def test_a_local_time_zone_changes_nothing(database_url: str, ledger: Ledger) -> None:
    """One of the processes from its very start: what it imports meets the time zone as well."""
    prepare(ledger)
    zone = "America/New_York"
    afar = subprocess.run(
        [sys.executable, "-m", WRITER, database_url, "zone"],
        cwd=ROOT,
        env=os.environ | {"TZ": zone, "PGTZ": zone},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    process = start(database_url, "zone", TZ="UTC", PGTZ="UTC")
    told, _ = process.communicate()
    assert process.returncode == 0
    assert told == afar
    assert "2025-01-01 00:00:00+00:00" in told
