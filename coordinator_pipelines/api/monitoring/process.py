"""The process that answers, under the names that every dashboard of Prometheus knows.

Add here what is known of the process; avoid what it does.
"""

from collections.abc import Iterator

import psutil

from coordinator_pipelines.domain.health.figures import Figure, Kind, Sample, gauge


def process_figures() -> Iterator[Figure]:
    """Its time on the CPU, memory, files, threads, and since when it runs."""
    process = psutil.Process()
    with process.oneshot():
        cpu, memory = process.cpu_times(), process.memory_info()
        threads, files, since = process.num_threads(), process.num_fds(), process.create_time()
    yield Figure(
        "process_cpu_seconds_total",
        Kind.COUNTER,
        "Time on the CPU, user and system.",
        [Sample(cpu.user + cpu.system, {})],
    )
    yield gauge("process_resident_memory_bytes", "Memory that is in use.", (memory.rss, {}))
    yield gauge("process_open_fds", "Open files and connections.", (files, {}))
    yield gauge("process_threads", "Threads.", (threads, {}))
    yield gauge("process_start_time_seconds", "When the process started.", (since, {}))
