"""What commands print on: a terminal as it is, anything else as plain lines.

Add here what concerns every command's output; avoid what one command says.
"""

import shutil
import sys
from pathlib import Path

from rich.console import Console

PLAIN_WIDTH = 200
"""Columns of output that goes to a file or a pipe: nothing there needs to be folded."""


def open_console() -> Console:
    """The console of a command: numbers and paths are not coloured on its own account."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def program() -> str:
    """How the user can call this command again, such as ``.venv/bin/coordinator``."""
    called = Path(sys.argv[0])
    found = shutil.which(called.name)
    if found and Path(found).absolute() == called.absolute():
        return called.name
    return str(called)
