"""``coordinator dev``: refused with a reason, or up until it is told to stop."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.browser.conftest import answers, free_port
from tests.command import Commands, family, require_gone, wait_for


@contextmanager
def signal_ignored(number: signal.Signals) -> Iterator[None]:
    """Ignore a signal, as a shell does for what it starts in the background."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_a_port_in_use_is_named(coordinator: Commands):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = coordinator.refuse("dev", "--port", str(port))
    assert f"port {port} cannot be used" in said
    assert "--port" in said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_dev_works_on_an_empty_home_and_stops_with_all_its_processes(
    coordinator: Commands, number: signal.Signals
):
    port = free_port()
    log = coordinator.directory / "dev.log"
    dev = coordinator.start("dev", "--port", str(port), log=log)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}"), why="no UI")
    assert "already at work" in coordinator.refuse("demo")
    processes = family(dev.pid)
    assert len(processes) > 3
    dev.send_signal(number)
    dev.wait(timeout=60)
    require_gone(processes)
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_dev_in_the_background_of_a_script_is_stopped_by_sigterm(coordinator: Commands):
    port = free_port()
    log = coordinator.directory / "dev.log"
    with signal_ignored(signal.SIGINT):
        dev = coordinator.start("dev", "--port", str(port), log=log)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}"), why="no UI")
    processes = family(dev.pid)
    dev.send_signal(signal.SIGTERM)
    dev.wait(timeout=60)
    require_gone(processes)
