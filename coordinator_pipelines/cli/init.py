"""``coordinator init``: a new challenge as a workspace of its own.

Add an option here when an author must be able to decide something; avoid what is written
(``scaffold``).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.scaffold.blueprint import Blueprint, blueprint
from coordinator_pipelines.scaffold.creation import create
from coordinator_pipelines.scaffold.identity import require_version
from coordinator_pipelines.scaffold.presets import preset_lines
from coordinator_pipelines.spec_file import located, read_spec

spec_option = click.option(
    "--spec", type=click.Path(path_type=Path), help="What the challenge is: JSON or YAML."
)
preset_option = click.option("--preset", help="Where to begin; default: that of the spec.")


@click.command()
@click.argument("slug", required=False)
@spec_option
@preset_option
@click.option("--list-presets", is_flag=True, help="Say which presets there are, and no more.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Directory of the new workspace; default: this one.",
)
@click.option("--force", is_flag=True, help="Even if there is one: the old one gets another name.")
def init(
    slug: str | None,
    spec: Path | None,
    preset: str | None,
    list_presets: bool,
    output: Path,
    force: bool,
) -> None:
    """Write a new challenge: a public package, a private node, and its code location."""
    if list_presets:
        click.echo("\n".join(preset_lines()))
        return
    plan = planned(slug, spec, preset)
    created = create(plan, output, force=force)
    for notice in plan.challenge.notices():
        click.echo(notice)
    if created.replaced:
        click.echo(f"What was there before: {created.replaced}")
    click.echo(f"Code location: {created.locations}")
    click.echo(f"Scaffold created: {created.workspace}")
    click.echo(f"Next: cd {created.node}")


def planned(slug: str | None, spec: Path | None, preset: str | None) -> Blueprint:
    """The challenge that the command line describes.

    Raises:
        SpecError: it describes none; the message names the field, and the file if there is one.
        CallableError: a callable cannot be used; the message names the key.
    """
    given: dict[str, Any] = read_spec(spec) if spec else {}
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    directory = spec.absolute().parent if spec else None
    try:
        if spec:
            require_version(given)
        return blueprint(given, name=slug, preset=preset, today=today, directory=directory)
    except SpecError as error:
        raise (located(spec, error) if spec else error) from None
