"""Limits that the kernel itself holds, for all processes of a model together: cgroup v2.

Add here what is asked of cgroups; avoid deciding how much is too much. They are made beside the
cgroup of this process, or below it where that is the topmost that is seen, so nobody else's
processes are moved. Where that is not allowed, or not for memory and processes, there are none.
"""

import os
import re
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from coordinator_pipelines.models.isolation import OWN_PROCESSES, PROCESSES

NEEDED = ("memory", "pids")
HAND_ON = " ".join(f"+{each}" for each in NEEDED)
CONTROL = "cgroup.subtree_control"
PREFIX = "coordinator-models-"
GONE_SECONDS = 5.0
"""How long killed processes may take to leave."""


class CgroupError(Exception):
    """There are no such limits here, and why."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The cgroup of one model."""

    path: Path

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has ended what was in it for the memory that it held."""
        with suppress(OSError):
            return (
                re.search(r"^oom_kill [1-9]", _read(self.path / "memory.events"), re.M) is not None
            )
        return False

    def end(self) -> None:
        """Kill whatever is in it, and remove it."""
        with suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")
        until = time.monotonic() + GONE_SECONDS
        while not _removed(self.path) and time.monotonic() < until:
            time.sleep(0.01)


class Cgroups:
    """Makes the cgroups of the models that one process runs."""

    def __init__(self, processes: Path = Path("/proc")) -> None:
        """Find where they can be made. ``processes``: where the kernel tells of itself.

        Raises:
            CgroupError: nowhere.
        """
        above = _above(processes / "self")
        self._top = above / f"{PREFIX}{os.getpid()}"
        try:
            _hand_on(above)
            _remove_abandoned(above)
            self._top.mkdir()
            (self._top / CONTROL).write_text(HAND_ON)
            self._try()
        except (OSError, CgroupError) as error:
            self.close()
            raise CgroupError(str(error)) from None

    def _try(self) -> None:
        """Have a process join one: to make it does not mean that this is allowed."""
        tried = self.make("tried", 1 << 30, 8)
        join = ["sh", "-c", 'echo 0 > "$1"', "sh", str(tried.path / "cgroup.procs")]
        done = subprocess.run(join, capture_output=True, check=False)
        tried.end()
        if done.returncode:
            raise CgroupError(f"no process may join cgroups below {self._top.parent}")

    def of_model(self, name: str, memory_bytes: int) -> Cgroup:
        """The cgroup of a model and the sandbox around it.

        Raises:
            OSError: it cannot be made.
        """
        return self.make(name, memory_bytes, PROCESSES + OWN_PROCESSES)

    def make(self, name: str, memory_bytes: int, processes: int) -> Cgroup:
        """A cgroup for processes that hold together no more than this.

        Raises:
            OSError: it cannot be made.
        """
        made = self._top / name
        made.mkdir()
        (made / "memory.max").write_text(str(memory_bytes))
        (made / "memory.oom.group").write_text("1")
        (made / "pids.max").write_text(str(processes))
        with suppress(OSError):  # where there is no swap to count
            (made / "memory.swap.max").write_text("0")
        return Cgroup(made)

    def close(self) -> None:
        """Remove what is empty."""
        _remove(self._top)


def _above(own: Path) -> Path:
    """The directory in which a cgroup may be made, as it is told of a process."""
    try:
        mounts, groups = _read(own / "mountinfo"), _read(own / "cgroup")
    except OSError:
        raise CgroupError("this system has no cgroups") from None
    mounted = re.search(r"^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 ", mounts, re.M)
    group = re.search(r"^0::(/.*)$", groups, re.M)
    if mounted is None or group is None:
        raise CgroupError("this system has no cgroup v2")
    top, inside = Path(mounted[1]), group[1].strip("/")
    return (top / inside).parent if inside else top


def _hand_on(group: Path) -> None:
    """Have the cgroups below this one limit what is needed."""
    control = group / CONTROL
    if not set(NEEDED) <= set(_read(control).split()):
        known = set(_read(group / "cgroup.controllers").split())
        if missing := [each for each in NEEDED if each not in known]:
            raise CgroupError(f"cgroup v2 does not limit {' and '.join(missing)} here")
        control.write_text(HAND_ON)


def _remove_abandoned(above: Path) -> None:
    """Remove the cgroups of processes that are dead."""
    for path in above.glob(f"{PREFIX}*"):
        pid = path.name.removeprefix(PREFIX)
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            _remove(path)


def _remove(top: Path) -> None:
    for path in (*top.glob("*/"), top):
        _removed(path)


def _removed(path: Path) -> bool:
    """Remove a cgroup, if nobody is in it any more; whether it is gone."""
    with suppress(OSError):
        path.rmdir()
    return not path.exists()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
