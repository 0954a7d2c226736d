"""A code location with a job that says its process id and then waits to be killed."""

import os
import time
from pathlib import Path

import dagster as dg

STARTED = "STARTED_FILE"
"""The variable that names the file for the process id."""


@dg.op
def wait() -> None:
    """Write the process id, whole at once, and wait."""
    file = Path(os.environ[STARTED])
    new = file.with_suffix(".new")
    new.write_text(str(os.getpid()))
    new.replace(file)
    time.sleep(300)


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    """The job."""
    wait()


defs = dg.Definitions(jobs=[waiting])
