"""``coordinator logs``: what the programs of a stack have written, each line with its name.

Add here how logs are found and shown; avoid writing any.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from coordinator_pipelines import settings
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.deployment import is_locked
from coordinator_pipelines.stack.interruption import check

TAIL_BYTES = 65536
POLL_SECONDS = 0.5


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=10, show_default=True,
    help="So many of the newest lines of each.",
)  # fmt: skip
@click.option("--follow", "-f", is_flag=True, help="Go on as long as the challenge runs.")
def logs(names: tuple[str, ...], lines: int, follow: bool) -> None:
    """Show the logs of the challenge that was deployed from here; all, or those of NAMES.

    A name is that of a file in the directory of logs, without ".log", or of a directory there.
    """
    home = settings.home()
    found = _found(home / "logs", names)
    if not found and not (follow and is_locked(home)):
        raise CoordinatorError(_nothing(home / "logs", names))
    if names and not found:
        click.echo(f"Note: {_nothing(home / 'logs', names)}", err=True)
    for log in found.values():
        _show(log.name, log.tail(lines))
    with suppress(KeyboardInterrupt):
        while follow and is_locked(home):
            time.sleep(POLL_SECONDS)
            check()
            found = _found(home / "logs", names) | found
            for log in found.values():
                _show(log.name, log.news())


@dataclass
class Log:
    """One file, and how far it was read."""

    name: str
    path: Path
    read: int = 0

    def tail(self, lines: int) -> list[str]:
        """The last lines that are whole, of so many bytes at most."""
        size = self.path.stat().st_size
        self.read = cut = max(0, size - TAIL_BYTES)
        news = self.news()[1 if cut else 0 :]
        return news[-lines:] if lines else []

    def news(self) -> list[str]:
        """The whole lines since the last time; from the beginning if the file is a new one."""
        if not self.path.exists():
            return []
        if self.path.stat().st_size < self.read:
            self.read = 0
        with self.path.open("rb") as file:
            file.seek(self.read)
            whole = file.read().rpartition(b"\n")[0]
        self.read += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()


def _found(directory: Path, names: Collection[str]) -> dict[Path, Log]:
    """The logs of these names; of none: all."""
    logs = [Log(_name(directory, path), path) for path in sorted(directory.rglob("*.log"))]
    return {log.path: log for log in logs if not names or _is_among(log.name, names)}


def _name(directory: Path, path: Path) -> str:
    return path.relative_to(directory).with_suffix("").as_posix()


def _is_among(name: str, names: Collection[str]) -> bool:
    return any(name == each or name.startswith(f"{each}/") for each in names)


def _nothing(directory: Path, names: Collection[str]) -> str:
    there = ", ".join(log.name for log in _found(directory, ()).values())
    if not there:
        return f"there are no logs in {directory}; nothing was deployed from here"
    return f"there is no log of {', '.join(names)} in {directory}; there are: {there}"


def _show(name: str, lines: Collection[str]) -> None:
    """Models and feeds have a hand in logs: nothing in them may do anything to a terminal."""
    for line in _plain(lines):
        click.echo(f"{click.style(name, fg='cyan')} | {line}")


def _plain(lines: Collection[str]) -> Iterator[str]:
    for line in lines:
        yield "".join(c if c.isprintable() else " " for c in click.unstyle(line))
