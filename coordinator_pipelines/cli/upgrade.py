"""``coordinator upgrade``: what newer templates change in a node, shown and applied.

Add an option here when an author must be able to decide something; avoid deciding what happens to
a file (``scaffold.upgrade``).
"""

import sys
from pathlib import Path

import click

from coordinator_pipelines import __version__
from coordinator_pipelines.scaffold import upgrade as upgrading
from coordinator_pipelines.scaffold.manifest import blueprint_of, from_templates, read_manifest
from coordinator_pipelines.scaffold.rendering import rendered
from coordinator_pipelines.scaffold.upgrade import BESIDE, Action, Change

REASONS = {
    Action.ADD: "new in the templates",
    Action.REPLACE: "changed in the templates",
    Action.REMOVE: "no longer in the templates",
    Action.OFFER: "yours by now; the template's goes to {path}" + BESIDE,
    Action.RELEASE: "yours by now; no longer in the templates",
}


@click.command()
@click.option("--check", is_flag=True, help="Only show; exit status 1 if anything would change.")
def upgrade(check: bool) -> None:
    """Bring the node in this directory to the templates of the installed version.

    Files that you have changed are kept; spec.yaml, models.yaml, README.md and the public package
    are yours.
    """
    node = Path.cwd()
    manifest = read_manifest(node)
    plan = blueprint_of(node, manifest)
    offered = from_templates(plan.names, rendered(plan))
    found = upgrading.changes(node, manifest, offered)
    for change in found:
        click.echo(_shown(change))
    if check and found:
        click.echo("Nothing has been written; `coordinator upgrade` does it.")
        sys.exit(1)
    if not check:
        upgrading.upgrade(node, manifest, offered, found)
    click.echo(f"The node is up to date with the templates of {__version__}.")


def _shown(change: Change) -> str:
    reason = REASONS[change.action].format(path=change.path)
    return f"{change.action} {change.path}: {reason}\n{change.diff()}\n"
