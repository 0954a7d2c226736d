"""Commands run as processes, each test in a home of its own; one finished demo to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Commands


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[Commands]:
    """Commands in an empty home."""
    commands = Commands(tmp_path)
    yield commands
    commands.end_all()


@pytest.fixture(scope="session")
def demoed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Commands, str]:
    """Commands in a home where the demo has run, and what the demo printed. Only to be read."""
    commands = Commands(tmp_path_factory.mktemp("demoed"))
    return commands, commands.succeed("demo")
