"""``coordinator models``: participants' models run on this machine."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.models.host.host import HostConfig, ModelHost
from coordinator_pipelines.models.runner_environment import RunnerEnvironment

LOG_FORMAT = "%(asctime)s | %(name)s | %(levelname)s | %(message)s"
PORT = click.IntRange(0, 65535)


@click.group()
def models() -> None:
    """Participants' models on this machine."""


@models.command()
def install() -> None:
    """Install the published model runner now, and not when models first run; say where it is."""
    click.echo(_runner_environment().directory)


@models.command()
@click.option("--spec", type=click.Path(path_type=Path), help="Default: the starter challenge.")
@click.option("--host", "address", default="127.0.0.1", show_default=True)
@click.option("--port", type=PORT, default=9091, show_default=True, help="For coordinators.")
@click.option("--api-port", type=PORT, default=9092, show_default=True, help="List and logs.")
@click.option(
    "--reached-at",
    metavar="HOST",
    help="For coordinators on other machines: the name or address of this one. Models are then "
    "announced at ports, else at sockets that only this machine has.",
)
@click.option(
    "--model-ports",
    type=(click.IntRange(1, 65535), click.IntRange(1, 65535)),
    default=(9100, 9199),
    show_default=True,
    metavar="FIRST LAST",
    help="Those ports: one for each model, and one more while it is replaced.",
)
def up(
    spec: Path | None,
    address: str,
    port: int,
    api_port: int,
    reached_at: str | None,
    model_ports: tuple[int, int],
) -> None:
    """Run the models of a challenge's models file until stopped, and announce them."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    first, last = model_ports
    if first > last:
        raise click.BadParameter(f"{first} is after {last}", param_hint="--model-ports")
    challenge = location.load_challenge_with_code(spec or location.starter_spec())
    environment = _runner_environment()
    config = HostConfig(
        crunch_id=challenge.crunch_id,
        base_class=challenge.model_base_classname,
        own_package=challenge.own_package,
        models_file=challenge.models_file,
        log_dir=settings.model_log_directory(challenge.name),
        environments_dir=settings.home() / "requirements",
        setup_seconds=challenge.limits.setup_timeout_seconds,
        memory_bytes=challenge.limits.memory_bytes,
        address=address,
        port=port,
        api_port=api_port,
        reached_at=reached_at,
        model_ports=range(first, last + 1),
    )
    asyncio.run(ModelHost(config, environment, _say).run())


def _say(text: str) -> None:
    """Show a line, if there is room for it: models run on while the disk of a log is full."""
    with suppress(OSError):
        click.echo(text)


def _runner_environment() -> RunnerEnvironment:
    tell = partial(click.echo, err=True)
    return RunnerEnvironment.find(settings.model_runner(), settings.home() / "runner", tell)
