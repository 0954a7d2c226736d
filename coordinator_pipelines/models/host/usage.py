"""What processes use of this machine, as seen from outside: how many they are, memory, disk.

Add here how it is measured; avoid deciding what is too much (``deployment``). The kernel's own
limits are per process and per file; these sums are what a machine runs out of.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from coordinator_pipelines.models.untrusted_files import entries

KIBIBYTE = 1024
BLOCK = 512
PAGE = 4096


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
    """Memory that only they hold; where that seems more than ``enough``, measured exactly.

    Pages that a process shares with its forks count in each, unless they are looked at one by one,
    which takes milliseconds.
    """
    private = sum(_sum(pid, "status", ("RssAnon:", "RssShmem:", "VmSwap:")) for pid in processes)
    if private <= enough:
        return private
    return sum(_sum(pid, "smaps_rollup", ("Pss:", "SwapPss:")) for pid in processes)


def _sum(pid: int, file: str, fields: tuple[str, ...]) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    return sum(KIBIBYTE * int(line.split()[1]) for line in lines if line.startswith(fields))


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
