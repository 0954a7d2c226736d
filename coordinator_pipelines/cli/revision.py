"""``coordinator revision``: what corrections changed on boards that were final.

Add here what is asked of revisions; avoid how they are drawn (``cli.views.revision``).
"""

import json
from contextlib import closing
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views import revision as views
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.spec_file import load_challenge

_mode = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.LIVE.value,
    show_default=True,
)


@click.group()
def revision() -> None:
    """Final boards that came out otherwise later: who moved, and why."""


@revision.command("list")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True,
    help="Of so many newest revised boards.",
)  # fmt: skip
@_mode
@spec_option
def list_(limit: int, mode: str, spec: Path | None) -> None:
    """The newest revisions, the newest board last."""
    with closing(open_ledger(load_challenge(spec or starter_spec()))) as ledger:
        heads = ledger.revisions(mode, newest=limit)
    if heads.empty:
        click.echo(f"no final {mode} board was ever revised")
        return
    views.overview(open_console(), heads.iloc[::-1])


@revision.command()
@click.argument("revision_id", metavar="[REVISION]", required=False)
@_mode
@spec_option
def show(revision_id: str | None, mode: str, spec: Path | None) -> None:
    """One revision, by default of the newest board: rounds, models, and the payout."""
    with closing(open_ledger(load_challenge(spec or starter_spec()))) as ledger:
        heads = ledger.revisions(mode, newest=1)
        if revision_id is None and heads.empty:
            raise CoordinatorError(f"no final {mode} board was ever revised")
        name = revision_id or str(heads["id"].iloc[0])
        found = ledger.revision(name)
    if found.empty:
        raise CoordinatorError(
            f"there is no revision {name!r}; `coordinator revision list` has them all"
        )
    views.show(open_console(), name, json.loads(found["document_json"].item()))
