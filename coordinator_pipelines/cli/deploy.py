"""``coordinator deploy``: the stack of ``dev`` in the background, ready when it returns."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.dev import location_of, stack_options
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.command import coordinator_command, program
from coordinator_pipelines.stack.deployment import require_nothing_runs, running
from coordinator_pipelines.stack.interruption import check
from coordinator_pipelines.stack.readiness import wait_until_told
from coordinator_pipelines.stack.stack import Ports

LOG = "stack.log"
PATIENCE = "The stack starts (the first time, the models' runner is installed: about 2 minutes) ..."


@click.command()
@stack_options
def deploy(port: int, report_port: int, models_port: int, feed: str, spec: Path | None) -> None:
    """Run a challenge live in the background; returns when it is ready.

    A port that is taken is replaced by the next free one.
    """
    console, home = open_console(), settings.home()
    require_nothing_runs(home)
    name = location_of(feed, spec).challenge.name
    given = ["--feed", feed, *(["--spec", str(spec.absolute())] if spec else [])]
    ports = Ports(port, report_port, models_port)
    log = home / "logs" / LOG
    with _started([*given, *_options(ports)], log) as telling, console.status(PATIENCE):
        wait_until_told(telling, check)
    found = running(home)
    if found is None:
        raise CoordinatorError(f"the stack ended as soon as it was ready; {log} says why")
    for what, url in found.addresses.items():
        console.print(f"{f'{what}:':12} {url}{_instead(ports, what, url)}")
    console.print(f"Logs:        {home / 'logs'}")
    console.print(f"[bold]{name}[/] is live in the background; `{program()} down` stops it.")


def _options(ports: Ports) -> list[str]:
    named = {"--port": ports.ui, "--report-port": ports.report, "--models-port": ports.models}
    return [text for name, port in named.items() for text in (name, str(port))]


@contextmanager
def _started(options: Sequence[str], log: Path) -> Iterator[int]:
    """The stack in a session of its own; the end of a pipe at which it tells that it is ready.

    Raises:
        CoordinatorError: it ended without a word.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    with log.open("a") as output:
        process = subprocess.Popen(
            [coordinator_command(), "dev", *options, "--tell", str(writing)],
            env=settings.child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    try:
        yield reading
    except EOFError:
        raise CoordinatorError(f"the stack ended ({process.wait()}); {log} says why") from None
    except CoordinatorError:
        process.wait()
        raise
    except (KeyboardInterrupt, SystemExit):
        _end(process)
        raise
    finally:
        os.close(reading)


def _end(process: "subprocess.Popen[Any]") -> None:
    """It stops what it has started by itself."""
    process.send_signal(signal.SIGTERM)
    process.wait()


def _instead(ports: Ports, what: str, url: str) -> str:
    """A word on a port that is another than the one that was asked for."""
    wanted = {"Dagster UI": ports.ui, "Leaderboard": ports.report}.get(what)
    if wanted is None or url.endswith(f":{wanted}"):
        return ""
    return f" [yellow](port {wanted} is taken)[/]"
