"""The ``coordinator`` command: its verbs, and what becomes of an error.

Add a verb in a module of its own and name it here; avoid doing anything here. A verb is imported
when it is called: Dagster and the Report API take seconds that ``status`` need not wait for.
"""

import builtins
import sys
from importlib import import_module

import click

from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack import interruption

VERBS = {
    "boards": "boards",
    "db": "db",
    "demo": "demo",
    "deploy": "deploy",
    "dev": "dev",
    "doctor": "doctor",
    "down": "down",
    "init": "init",
    "leaderboard": "leaderboard",
    "logs": "logs",
    "models": "models",
    "pause": "pause",
    "report": "report",
    "report-keys": "report",
    "resume": "pause",
    "round": "round",
    "runs": "runs",
    "status": "status",
    "upgrade": "upgrade",
    "verify-e2e": "verify_e2e",
}
"""Verb -> the module with a command of that name."""


class Verbs(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs."""
        del ctx
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb; None if there is no such verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        module = import_module(f"coordinator_pipelines.cli.{VERBS[cmd_name]}")
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, f"{name}_" if hasattr(builtins, name) else name)
        return command


@click.group(cls=Verbs)
@click.version_option(package_name="coordinator-pipelines")
def coordinator() -> None:
    """Live prediction challenges as partitioned Dagster assets."""


def main() -> None:
    """Run the command; a user's mistake ends in one message and exit status 1."""
    interruption.heed()
    try:
        coordinator()
    except CoordinatorError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
