"""``coordinator report``: the Report API, and ``coordinator report-keys``: who may read more."""

import logging
import socket
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import uvicorn

from coordinator_pipelines import settings
from coordinator_pipelines.api.app import create_app
from coordinator_pipelines.api.http.keys import KeyRing, Tier, add_key, drop_key
from coordinator_pipelines.cli.challenge.database import await_ledger
from coordinator_pipelines.cli.challenge.location import load_challenge_with_code, starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.terminal import warn
from coordinator_pipelines.domain.health.figures import figures
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.resources.clock import SystemClock
from coordinator_pipelines.resources.machine import LocalMachine

LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEYS_FILE = "report-keys.json"

keys_option = click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The keys file; default: {KEYS_FILE} in the coordinator's home.",
)


@click.command()
@spec_option
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: for everybody.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--api",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of own routes and changes to the schema; default: api beside the spec.",
)
@keys_option
@click.option("--origin", "origins", multiple=True, help="Web origin that may read in a browser.")
def report(
    spec: Path | None,
    host: str,
    port: int,
    directory: Path | None,
    keys: Path | None,
    origins: tuple[str, ...],
) -> None:
    """Serve the Report API and the public leaderboard until stopped."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    path = spec or starter_spec()
    challenge = load_challenge_with_code(path)
    ring = keys or settings.home() / KEYS_FILE
    _require_free(host, port)
    ledger = await_ledger(challenge, warn)
    try:
        app = create_app(
            challenge,
            ledger,
            SystemClock(),
            directory=directory or path.absolute().parent / "api",
            keys=ring,
            origins=origins,
            figures=partial(figures, challenge, ledger, LocalMachine(challenge)),
        )
        _warn_if_open(host, ring)
        click.echo(f"Report API of {challenge.name}: http://{host}:{port} (Ctrl-C stops it)")
        # Its own log of requests would hold whole URLs, and with them what callers put there.
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
    finally:
        ledger.close()


@click.group("report-keys")
def report_keys() -> None:
    """Keys of the Report API: kept as hashes, in force at once, replaced one by one."""


@report_keys.command("add")
@click.argument("name")
@click.option("--tier", type=click.Choice([Tier.READ, Tier.ADMIN]), default=Tier.READ)
@click.option(
    "--owner", help="The account (cruncher_id) of the participant whose own failures the key shows."
)
@keys_option
def add(name: str, tier: str, owner: str | None, keys: Path | None) -> None:
    """Make a key and print it, this once."""
    path = keys or settings.home() / KEYS_FILE
    click.echo(add_key(path, name, Tier(tier), owner, datetime.now(UTC)))


@report_keys.command("drop")
@click.argument("name")
@keys_option
def drop(name: str, keys: Path | None) -> None:
    """Take a key out of use."""
    drop_key(keys or settings.home() / KEYS_FILE, name)


@report_keys.command("list")
@keys_option
def listed(keys: Path | None) -> None:
    """Say which keys there are, without the keys themselves."""
    for key in KeyRing(keys or settings.home() / KEYS_FILE).all():
        owner = f", for the models of {key.owner}" if key.owner else ""
        click.echo(f"{key.name}: {key.tier}{owner}, since {key.created_at:%Y-%m-%d}")


def _warn_if_open(host: str, keys: Path) -> None:
    if host not in LOOPBACK and not KeyRing(keys).all():
        click.secho(
            "Warning: there is no key, so explanations and exports are open to everybody who "
            "reaches this machine; `coordinator report-keys add NAME` closes them",
            fg="yellow",
            err=True,
        )


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CoordinatorError(
                f"{host}:{port} cannot be used ({error.strerror}); name another port: "
                "coordinator report --port 8001"
            ) from None
