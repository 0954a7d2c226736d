"""``coordinator pause`` and ``resume``: no rounds of a prediction config for a while.

Add here what is said of a pause; avoid what one is (``domain.rounds.pause``).
"""

from datetime import UTC, datetime
from pathlib import Path

import click
import pandas as pd

from coordinator_pipelines.cli.challenge.database import opened_ledger
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.domain.rounds import pause as pauses
from coordinator_pipelines.stack.command import program

_config = click.argument("config_id", metavar="CONFIG")


@click.command()
@_config
@click.option("--reason", help="Why; `coordinator status` shows it.")
@spec_option
def pause(config_id: str, reason: str | None, spec: Path | None) -> None:
    """Ask no more rounds of a prediction config, from its next instant on."""
    now = datetime.now(UTC)
    with opened_ledger(spec) as (challenge, ledger):
        lasting = pauses.pause(challenge, ledger, config_id, reason, now)
    if len(lasting):
        click.echo(f"{config_id} is paused already, {_since(lasting)}; nothing was changed")
        return
    end = f"{program()} resume {config_id}" + (f" --spec {spec}" if spec else "")
    click.echo(f"{config_id} is paused since {now:%Y-%m-%d %H:%M:%S} UTC; `{end}` ends that")


@click.command()
@_config
@spec_option
def resume(config_id: str, spec: Path | None) -> None:
    """Ask rounds of a paused prediction config again, from its next instant on."""
    now = datetime.now(UTC)
    with opened_ledger(spec) as (challenge, ledger):
        ended = pauses.resume(challenge, ledger, config_id, now)
    if ended.empty:
        click.echo(f"{config_id} is not paused; nothing was changed")
        return
    click.echo(f"{config_id} goes on; it was paused {_since(ended)}")


def _since(lasting: pd.DataFrame) -> str:
    first = lasting.sort_values("paused_at").iloc[0]
    reason = f" ({first['reason']})" if first["reason"] else ""
    return f"since {first['paused_at']:%Y-%m-%d %H:%M:%S} UTC{reason}"
