"""One finished demo to look at."""

import pytest

from tests.command import Commands


@pytest.fixture(scope="session")
def demoed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Commands, str]:
    """Commands in a home where the demo has run, and what the demo printed. Only to be read."""
    commands = Commands(tmp_path_factory.mktemp("demoed"))
    return commands, commands.succeed("demo")
