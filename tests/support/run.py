"""A run of the small challenge as a process of its own, to be killed.

``python -m tests.support.run DIRECTORY WINDOWS``; the environment names the database. Says
``started`` when everything is imported and the job begins.
"""

import sys
from pathlib import Path

import dagster as dg

from coordinator_pipelines.definitions import build_definitions
from tests.support.challenges import START, WINDOW, small_challenge
from tests.support.pipeline import FixedClock


def main() -> None:
    """Run the replay job over the first windows."""
    directory, windows = Path(sys.argv[1]), int(sys.argv[2])
    challenge = small_challenge(directory)
    definitions = build_definitions(challenge, resources={"clock": FixedClock()})
    job = definitions.resolve_job_def("small_replay")
    sys.stdout.write("started\n")
    sys.stdout.flush()
    job.execute_in_process(
        instance=dg.DagsterInstance.ephemeral(tempdir=str(directory)),
        tags={
            "dagster/asset_partition_range_start": f"{START:%Y-%m-%d-%H:%M}",
            "dagster/asset_partition_range_end": f"{START + (windows - 1) * WINDOW:%Y-%m-%d-%H:%M}",
        },
    )


if __name__ == "__main__":
    main()
