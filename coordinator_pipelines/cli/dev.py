"""``coordinator dev``: a live challenge on this machine, with all that it needs."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.cli.challenge.database import set_up_database
from coordinator_pipelines.cli.challenge.real_prices import FEEDS, challenge_on_feed
from coordinator_pipelines.cli.down import clear_remains
from coordinator_pipelines.cli.views.happenings import Happenings
from coordinator_pipelines.cli.views.terminal import open_console, warn
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.stack.daemon import sole_daemon
from coordinator_pipelines.stack.deployment import Deployment, require_nothing_runs, sole_deployment
from coordinator_pipelines.stack.instance.backfills import clear_abandoned
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.ports import MODELS_PORT, REPORT_PORT, UI_PORT, require_free
from coordinator_pipelines.stack.readiness import told_to
from coordinator_pipelines.stack.stack import Ports, Stack
from coordinator_pipelines.stack.supervisor import supervision
from coordinator_pipelines.stack.workspaces import Location, known_workspaces

TELL_SECONDS = 2.0
PORT = click.IntRange(1, 65535)
PORT_OPTIONS = (
    click.option("--port", type=PORT, default=UI_PORT, show_default=True, help="Dagster's UI."),
    click.option(
        "--report-port",
        type=PORT,
        default=REPORT_PORT,
        show_default=True,
        help="The leaderboard and the Report API; the next free one if it is taken.",
    ),
    click.option(
        "--models-port",
        type=PORT,
        default=MODELS_PORT,
        show_default=True,
        help="Where models are announced, their list on the next one; others if those are taken.",
    ),
)
OPTIONS = (
    *PORT_OPTIONS,
    click.option(
        "--feed",
        type=click.Choice(["simulated", *FEEDS]),
        default="simulated",
        show_default=True,
        help="Whose prices; a vendor's make a challenge and a database of their own.",
    ),
    click.option(
        "--spec", type=click.Path(path_type=Path), help="Another challenge than the starter."
    ),
)


def stack_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a stack runs, and where."""
    return _with(OPTIONS, command)


def port_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those that say only where."""
    return _with(PORT_OPTIONS, command)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@stack_options
@click.option("--tell", type=int, hidden=True, help="For deploy: where readiness is told.")
def dev(
    port: int, report_port: int, models_port: int, feed: str, spec: Path | None, tell: int | None
) -> None:
    """Run a challenge live: its models, Dagster with UI, and everything captured."""
    with told_to(tell) as ready:
        require_nothing_runs(settings.home())
        clear_remains(settings.home())
        if tell is None:
            require_free(port, "name another one: coordinator dev --port 3001 (make dev PORT=3001)")
        run(location_of(feed, spec), Ports(port, report_port, models_port), ready)


def run(where: Location, ports: Ports, ready: Callable[[], None]) -> None:
    """The stack, until the user stops it. ``ready``: called when it is."""
    console, home = open_console(), settings.home()
    set_up_database(where.challenge)
    instance = LocalInstance.prepare(known_workspaces(), warn)
    deployment = Deployment.of_this_process(where.challenge.name, where.spec.absolute())
    with (
        sole_deployment(home, deployment),
        sole_daemon(instance.directory) as reservation,
        supervision(lambda line: console.print(f"[yellow]{escape(line)}[/]")) as supervisor,
    ):
        clear_abandoned(instance)
        stack = Stack(console, supervisor, instance, where, ports, deployment.environment)
        try:
            stack.start(reservation)
            deployment.write(home, stack.addresses)
            _tell_the_user(console, where.challenge.name, home / "logs")
            ready()
            _tell_what_happens(console, stack, where.challenge)
        except KeyboardInterrupt:
            console.print("\nStopping; rounds that are being asked are still stored ...")


def location_of(feed: str, spec: Path | None) -> Location:
    """The challenge that the options name.

    Raises:
        UsageError: they name two.
    """
    if spec is not None and feed != "simulated":
        raise click.UsageError("--feed says whose prices the starter has; --spec brings its own")
    if spec is not None:
        return location.of_spec(spec)
    return location.starter() if feed == "simulated" else location.derived(challenge_on_feed(feed))


def _tell_what_happens(console: Console, stack: Stack, challenge: Challenge) -> None:
    """Until the user stops the command: rounds, boards, and what is wrong."""
    with Happenings.of(challenge) as happenings:
        while True:
            stack.watch()
            for line in happenings.news():
                console.print(line, soft_wrap=True)
            time.sleep(TELL_SECONDS)


def _tell_the_user(console: Console, name: str, logs: Path) -> None:
    console.print(f"Logs:        {logs}")
    console.print(f"[bold]{name}[/] is live; Ctrl-C stops everything.\n")
