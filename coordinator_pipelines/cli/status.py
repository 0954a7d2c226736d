"""``coordinator status``: how a live challenge is, for an operator or for a program.

Add here how status is asked for and answered; avoid finding out (``domain.health.health``) and
tables (``views.status``).
"""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.status import show_health
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.health.health import Health, health
from coordinator_pipelines.spec_file import load_challenge

RED = 3
"""Exit status when a vital sign is red; 1 is for errors and 2 for wrong options."""


@click.command()
@spec_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def status(spec: Path | None, as_json: bool) -> None:
    """Tell whether a challenge is live and well; exit status 3 if a vital sign is red.

    docs/operating.md explains what is told, and what to do about it.
    """
    challenge = load_challenge(spec or starter_spec())
    with closing(open_ledger(challenge)) as ledger:
        found = health(challenge, ledger, datetime.now(UTC))
    if as_json:
        click.echo(document(found))
    else:
        show_health(open_console(), found)
    if not found.well:
        sys.exit(RED)


def document(found: Health) -> str:
    """The same as JSON: names of the fields of ``Health``, instants as 2026-11-24T12:00:00Z."""
    return json.dumps(asdict(found), default=_instant, allow_nan=False, indent=2)


def _instant(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is no part of a status")
    return value.isoformat().replace("+00:00", "Z")
