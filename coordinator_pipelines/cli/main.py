"""The ``coordinator`` command: its verbs, and what becomes of an error.

Add a verb in a module of its own and name it here; avoid doing anything here.
"""

import signal
import sys
from types import FrameType

import click

from coordinator_pipelines.cli.boards import boards
from coordinator_pipelines.cli.db import db
from coordinator_pipelines.cli.demo import demo
from coordinator_pipelines.cli.dev import dev
from coordinator_pipelines.cli.leaderboard import leaderboard
from coordinator_pipelines.cli.models import models
from coordinator_pipelines.domain.errors import CoordinatorError


@click.group()
@click.version_option(package_name="coordinator-pipelines")
def coordinator() -> None:
    """Live prediction challenges as partitioned Dagster assets."""


for verb in (demo, dev, leaderboard, boards, db, models):
    coordinator.add_command(verb)


def main() -> None:
    """Run the command; a user's mistake ends in one message and exit status 1."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # As in the background of a script: Dagster's processes would ignore SIGTERM as well.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        coordinator()
    except CoordinatorError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, cleaning up: by default, nothing that was started would be stopped."""
    sys.exit(128 + number)
