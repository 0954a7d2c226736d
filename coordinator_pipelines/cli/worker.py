"""``coordinator worker``: runs of challenges at work on this machine, handed over by a broker."""

import os
from typing import TYPE_CHECKING

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.views.terminal import warn
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance

if TYPE_CHECKING:
    from celery import Celery

QUEUES = ("captures", "runs")


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default="one per core",
    help="How many runs may be at work here at once.",
)
@click.option(
    "--queue",
    "queues",
    type=click.Choice(QUEUES),
    multiple=True,
    default=QUEUES,
    show_default=True,
    help="What to take: live captures, or all other runs. Can be given twice.",
)
def worker(concurrency: int, queues: tuple[str, ...]) -> None:
    """Take runs from the broker that COORDINATOR_CELERY_BROKER names, until stopped.

    It needs the challenges' code and the environment of the daemon. SIGTERM lets runs that are at
    work end first.
    """
    app = _app()
    click.echo(f"Taking {' and '.join(queues)}, {concurrency} at a time (Ctrl-C stops it)")
    app.worker_main(
        [
            "worker", "--pool=prefork", f"--concurrency={concurrency}",
            f"--queues={','.join(queues)}", f"--hostname=coordinator-{os.getpid()}@%h",
            "--without-gossip", "--without-mingle", "--loglevel=WARNING",
        ]
    )  # fmt: skip


def _app() -> "Celery":
    """The application that Dagster's instance hands runs to.

    Raises:
        CoordinatorError: there is none.
    """
    if settings.celery_broker() is None:
        raise CoordinatorError(
            f"{settings.BROKER_VARIABLE} is not set: runs are at work where Dagster's daemon is; "
            "name a Redis server there and here"
        )
    prepared = LocalInstance.prepare((), warn)
    with open_instance(prepared.directory) as instance:
        app: Celery | None = getattr(instance.run_launcher, "app", None)
    if app is None:
        raise CoordinatorError(
            f"{prepared.directory / 'dagster.yaml'} hands its runs to no worker; delete it to have "
            "it written anew"
        )
    return app
