"""A live challenge whose processes are killed at random: it goes on, and its books are right.

``make test-faults`` runs the long form; COORDINATOR_TEST_KILLS says how many kills it has, and
COORDINATOR_TEST_SEED repeats the order and the moments of an earlier run.
"""

import os
import random
import statistics
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.faults.audit import (
    Books,
    require_explained,
    require_same_as_uninterrupted,
    require_true,
)
from tests.faults.killing import LONGEST_RECOVERY, Kill, Killer, plan
from tests.faults.stack import Victim, running_stack
from tests.postgresql import PostgresServer

# Not side by side: one takes the whole machine, of which the other asks answers in time.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_machine")]

FEWEST_KILLS = 5
IN_FLIGHT = timedelta(seconds=2)
"""A round is asked and committed within this of its instant."""


def test_nothing_is_lost_whatever_is_killed(
    tmp_path: Path,
    durable_server: PostgresServer,
    model_runner: RunnerEnvironment,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """See the module; one stack for all kills, since starting one takes a minute."""
    kills = int(os.environ.get("COORDINATOR_TEST_KILLS", FEWEST_KILLS))
    seed = int(os.environ.get("COORDINATOR_TEST_SEED", random.SystemRandom().randrange(10**6)))
    moments = random.Random(seed)

    def tell(line: object) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    tell(f"\n{kills} kills, COORDINATOR_TEST_SEED={seed}")
    done: list[Kill] = []
    with running_stack(tmp_path, durable_server, model_runner.directory) as stack:
        live_at, challenge = datetime.now(UTC), load_challenge(stack.spec)
        with closing(SqlLedger(stack.database_url)) as ledger:
            for kill in Killer(stack, challenge, ledger, moments).kills(plan(kills, moments)):
                tell(kill)
                done.append(kill)
        stopped_at = datetime.now(UTC)
        stack.stop()

    url, until = stack.database_url, stopped_at - IN_FLIGHT
    books = Books.of(url)
    books.require_each_round_once()
    books.require_each_cell_once()
    saved = books.require_saved(stack.instance)
    missed = books.missed(until)
    with closing(SqlLedger(url)) as ledger:
        reasons = require_explained(challenge, ledger, missed, until)
    truths = require_true(url)
    fresh = durable_server.create_database("fresh")
    schema.upgrade(fresh)
    boards = require_same_as_uninterrupted(challenge, url, fresh, tmp_path)
    tell(
        f"{len(books.rounds)} rounds stored, {saved} commits logged, {truths} truths, "
        f"{boards} boards of record; {len(missed)} instants missed: {reasons}"
    )
    tell(figures(done))
    unexplained = [at for at in missed if at > live_at and not covered(at, done)]
    assert unexplained == [], "missed without a kill"
    assert [str(kill) for kill in done if kill.recovery > LONGEST_RECOVERY] == []


def covered(at: pd.Timestamp, kills: Sequence[Kill]) -> bool:
    """Whether the instant lies between a kill and the recovery from it."""
    return any(kill.at - IN_FLIGHT <= at <= kill.at + kill.recovery for kill in kills)


def figures(kills: Sequence[Kill]) -> str:
    """Kills and recovery times by kind."""
    lines = []
    for victim in Victim:
        times = [kill.recovery.total_seconds() for kill in kills if kill.victim is victim]
        if times:
            lines.append(
                f"{victim:<12}  {len(times):>2} kills, recovery p50 "
                f"{statistics.median(times):.1f} s, max {max(times):.1f} s"
            )
    return "\n".join(lines)
