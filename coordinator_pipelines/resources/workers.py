"""The workers of real runs: threads."""

from concurrent.futures import Executor, ThreadPoolExecutor

from coordinator_pipelines.domain.doors.workers import Workers


class Threads(Workers):
    """Executors of threads."""

    def __call__(self, most: int) -> Executor:
        """A thread pool."""
        return ThreadPoolExecutor(most)
