"""What each model is held to on this machine, in words: said at start-up, since machines differ.

Add here how a limit is told; avoid holding anybody to it (``deployment``, ``isolation``).
"""

from coordinator_pipelines.models import syscalls
from coordinator_pipelines.models.host.deployment import DISK_BYTES
from coordinator_pipelines.models.isolation import (
    PROCESSES,
    RESOURCES_BYTES,
    SCRATCH_FILES,
    TMP_BYTES,
    Tier,
)
from coordinator_pipelines.models.untrusted_files import MOST_FILES


def told(tier: Tier, memory_bytes: int, no_cgroups: str | None) -> list[str]:
    """A line for each limit. ``no_cgroups``: why the kernel does not count, if it does not."""
    return [_memory(memory_bytes, no_cgroups), _files(tier), _calls(tier)]


def _memory(memory_bytes: int, no_cgroups: str | None) -> str:
    most = f"{memory_bytes / (1 << 30):.3g} GB of memory and {PROCESSES} processes"
    if no_cgroups is None:
        return f"Each model is held to {most} by the kernel (cgroup v2)"
    return (
        f"Each model is held to {most} by this host, WHICH COUNTS ONCE A SECOND: the kernel does "
        f"not ({no_cgroups})"
    )


def _files(tier: Tier) -> str:
    if tier.isolated:
        return (
            f"What a model writes is in memory: {TMP_BYTES >> 20} MB each in /tmp and /dev/shm, "
            f"{RESOURCES_BYTES >> 20} MB in resources, {SCRATCH_FILES} files in each"
        )
    return (
        f"What a model writes is on disk, at most {DISK_BYTES >> 30} GB and {MOST_FILES} files, "
        "WHICH THIS HOST COUNTS ONCE A SECOND; nothing limits what it writes elsewhere"
    )


def _calls(tier: Tier) -> str:
    if tier.isolated and syscalls.program() is not None:
        return "No model can make namespaces, or memory that no process holds"
    return "NOT PREVENTED HERE: models that make namespaces, or memory that no process holds"
