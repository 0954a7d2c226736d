"""Options that many commands have: which challenge, and when.

Add here an option that means the same wherever it stands; avoid those of one command.
"""

from pathlib import Path

import click

spec_option = click.option(
    "--spec", type=click.Path(path_type=Path), help="The challenge; default: the starter."
)
DAY_OR_MINUTE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ"])
"""In UTC, whether or not it says so."""
