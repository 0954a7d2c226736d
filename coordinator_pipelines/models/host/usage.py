"""What processes use of this machine, as seen from outside: how many they are, memory, disk.

Add here how it is measured; avoid deciding what is too much (``deployment``). It is needed where
the kernel does not count it for all processes of a model together (``cgroups``).
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from coordinator_pipelines.models.untrusted_files import entries

KIBIBYTE = 1024
BLOCK = 512
PAGE = 4096
SHARED = re.compile(rb"^(\w+)-(\w+) ...s .* (?:/dev/zero|/memfd:|/SYSV|/dev/shm/)", re.MULTILINE)
"""A mapping of memory that is held by what it is shared through, in a listing of the kernel."""


def processes_below(roots: Iterable[int]) -> dict[int, list[int]]:
    """Each of the processes with all that it has started, directly or not, from one listing."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = path.read_text(errors="replace").rpartition(") ")[2].split()[1]
            children[int(parent)].append(int(path.parent.name))
    found = {}
    for root in roots:
        found[root] = [root]
        for each in found[root]:
            found[root] += children[each]
    return found


def memory_bytes(processes: Iterable[int], enough: int) -> int:
    """Memory that they hold; where that seems more than ``enough``, measured exactly.

    Pages that a process shares with its forks count in each, unless they are looked at one by one,
    which takes milliseconds. Memory that is shared by name, or to be, is looked up where it is: it
    stays when no process has a page of it at hand.
    """
    shared = sum(_shared_files(processes).values())
    private = sum(_sum(pid, "status", ("RssAnon:", "VmSwap:")) for pid in processes)
    if shared + private <= enough:
        return shared + private
    exact = ("Pss_Anon:", "SwapPss:")
    return shared + sum(_sum(pid, "smaps_rollup", exact) for pid in processes)


def _shared_files(processes: Iterable[int]) -> dict[tuple[int, int], int]:
    """The size of each piece of memory behind a descriptor or a mapping of them."""
    found = {}
    for pid in processes:
        for path, mapped in chain(_mapped(pid), _opened(pid)):
            with suppress(OSError):
                status = path.stat()
                found[status.st_dev, status.st_ino] = BLOCK * status.st_blocks
                continue
            found.setdefault((pid, hash(path)), mapped)  # only root may look: what is addressed
    return found


def _mapped(pid: int) -> Iterator[tuple[Path, int]]:
    """Where the kernel shows mappings of memory that is shared, and how long they are."""
    with suppress(OSError):
        for first, end in SHARED.findall(Path(f"/proc/{pid}/maps").read_bytes()):
            start, stop = int(first, 16), int(end, 16)
            yield Path(f"/proc/{pid}/map_files/{start:x}-{stop:x}"), stop - start


def _opened(pid: int) -> Iterator[tuple[Path, int]]:
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(path.readlink()).startswith("/memfd:"):
                    yield path, 0


def _sum(pid: int, file: str, fields: tuple[str, ...]) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    return sum(KIBIBYTE * int(line.split()[1]) for line in lines if line.startswith(fields))


def filled_bytes(pid: int, directories: Iterable[Path]) -> int:
    """What is in file systems of their own at these places, as a process sees them."""
    total = 0
    for directory in directories:
        seen = Path(f"/proc/{pid}/root{directory}")
        with suppress(OSError):
            if seen.is_mount():
                filled = os.statvfs(seen)
                total += (filled.f_blocks - filled.f_bfree) * filled.f_frsize
    return total


def disk_bytes(*directories: Path) -> int:
    """Disk that the files in directories occupy, each at least a page: empty ones cost inodes.

    Raises:
        OSError: there are too many to count, or they are nested too deeply.
    """
    return sum(
        max(BLOCK * entry.status.st_blocks, PAGE)
        for directory in directories
        for entry in entries(directory, hidden=True)
    )
