"""Memory as the kernel holds it, whether a process has its pages at hand or not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from coordinator_pipelines.models.host.usage import memory_bytes

HELD = 50_000_000
HOLD = f"held = bytearray(b'x') * {HELD}"
MAP = f"import mmap; held = mmap.mmap(-1, {HELD}); held.write(bytes({HELD}))"
LET_GO = f"{MAP}; held.madvise(mmap.MADV_DONTNEED)"
NAMED = f"import os; held = os.memfd_create('x'); os.write(held, bytes({HELD}))"
MAPPED = f"{NAMED}; import mmap; kept = mmap.mmap(held, {HELD}); os.close(held)"


@contextmanager
def running(code: str) -> Iterator[list[int]]:
    """The processes of a few lines of Python, which stay."""
    argv = [sys.executable, "-c", f"{code}\nprint(flush=True)\ninput()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield [process.pid]
        process.communicate(b"\n")


@pytest.fixture
def idle() -> int:
    """What a process holds that does nothing."""
    with running("") as pids:
        return memory_bytes(pids, 0)


@pytest.mark.parametrize("enough", [0, 1 << 40], ids=["exactly", "at-a-glance"])
@pytest.mark.parametrize("code", [HOLD, MAP, LET_GO, NAMED, MAPPED])
def test_memory_counts_however_it_is_held(idle: int, code: str, enough: int) -> None:
    with running(code) as pids:
        assert memory_bytes(pids, enough) - idle == pytest.approx(HELD, abs=HELD / 10)
