"""Fifty real processes, five of them bad: all others answer in every round, within the memory."""

import time
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.models import Outcome
from tests.models.host.conftest import below

# Not side by side: one takes the whole machine, of which the other asks answers in time.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_machine")]

MEMORY_BYTES = 6_000_000_000
ROUNDS, ROUND_SECONDS, DEADLINE_SECONDS = 6, 3.0, 2.0
READY_SECONDS = 240.0
HEAD = "from coordinator_pipelines.starter.tracker import TrackerBase\n"
BAD = {
    "hangs": "import time; time.sleep(1000)",
    "crashes": "import os; os._exit(3)",
    "floods": "return [[]] * 3_000_000",
    "nan": "return {'p_up': float('nan')}",
}
NEVER_SET_UP = f"""{HEAD}
import time
class Model(TrackerBase):
    def __init__(self):
        time.sleep(1000)
"""
USEFUL = """
prices = self.prices(given[0])
return {"p_up": 0.5 + 0.001 * (len(prices) % 10)}
"""


def proportional_bytes(pids):
    """Memory of processes, each shared page divided among those that share it."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def until_there(host, expected):
    deadline = time.monotonic() + READY_SECONDS
    while not expected <= {member.model_id for member in host.live.members()}:
        assert time.monotonic() < deadline, host.log.read_text()
        time.sleep(0.2)


def test_forty_five_succeed_in_every_round_beside_five_that_are_bad(host):
    good = {f"good-{number:02}" for number in range(45)}
    for model_id in good:
        host.write(model_id, USEFUL)
    for model_id, predict in BAD.items():
        host.write(model_id, predict)
    host.write("never-set-up", main=NEVER_SET_UP)
    host.up().connect(failures=100, seconds=60.0)
    until_there(host, good | BAD.keys())
    most = 0
    for _ in range(ROUNDS):
        started = time.monotonic()
        answers = host.ask()
        assert time.monotonic() - started < DEADLINE_SECONDS + 0.5
        wrong = {key: str(answers.get(key)) for key in good if not_fine(answers.get(key))}
        assert not wrong
        most = max(most, proportional_bytes({host.process.pid, *below(host.process.pid)}))
        time.sleep(max(0.0, started + ROUND_SECONDS - time.monotonic()))
    assert most <= MEMORY_BYTES, f"{most / 1e9:.2f} GB"


def not_fine(answer):
    return answer is None or answer.outcome is not Outcome.SUCCESS
