"""The ``coordinator`` command: its verbs, and what becomes of an error.

Add a verb in a module of its own and name it here; avoid doing anything here.
"""

import sys

import click

from coordinator_pipelines.cli import interruption
from coordinator_pipelines.cli.boards import boards
from coordinator_pipelines.cli.db import db
from coordinator_pipelines.cli.demo import demo
from coordinator_pipelines.cli.dev import dev
from coordinator_pipelines.cli.doctor import doctor
from coordinator_pipelines.cli.init import init
from coordinator_pipelines.cli.leaderboard import leaderboard
from coordinator_pipelines.cli.models import models
from coordinator_pipelines.cli.pause import pause, resume
from coordinator_pipelines.cli.report import report, report_keys
from coordinator_pipelines.cli.runs import runs
from coordinator_pipelines.cli.status import status
from coordinator_pipelines.domain.errors import CoordinatorError


@click.group()
@click.version_option(package_name="coordinator-pipelines")
def coordinator() -> None:
    """Live prediction challenges as partitioned Dagster assets."""


for verb in (
    init, doctor, demo, dev, status, pause, resume, leaderboard, boards, db, models, runs, report,
    report_keys,
):  # fmt: skip
    coordinator.add_command(verb)


def main() -> None:
    """Run the command; a user's mistake ends in one message and exit status 1."""
    interruption.heed()
    try:
        coordinator()
    except CoordinatorError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
