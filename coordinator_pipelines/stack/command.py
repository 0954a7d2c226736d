"""This command, as a user or another program can call it again."""

import shutil
import sys
from pathlib import Path


def program() -> str:
    """How the user can call this command again, such as ``.venv/bin/coordinator``."""
    called = Path(sys.argv[0])
    found = shutil.which(called.name)
    if found and Path(found).absolute() == called.absolute():
        return called.name
    return str(called)


def coordinator_command() -> str:
    """This command, as it is installed in this environment."""
    return str(Path(sys.executable).with_name("coordinator"))
