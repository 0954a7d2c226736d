"""What commands print on: a terminal as it is, anything else as plain lines.

Add here what concerns every command's output; avoid what one command says.
"""

import click
from rich.console import Console

PLAIN_WIDTH = 200
"""Columns of output that goes to a file or a pipe: nothing there needs to be folded."""


def open_console() -> Console:
    """The console of a command: numbers and paths are not coloured on its own account."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def warn(notice: str) -> None:
    """Say what the user should know before the command goes on."""
    click.secho(f"Note: {notice}", fg="yellow", err=True)
