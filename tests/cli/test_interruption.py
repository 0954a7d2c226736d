"""Demos that are interrupted, killed, or meet another one: nothing is left, nothing is lost."""

import os
import signal
import subprocess
from collections.abc import Callable

import dagster as dg
import pytest

from tests.command import Commands, family, require_gone, wait_for
from tests.support.challenges import FIRST_BAR
from tests.support.prices import closes_from, walk, write_candles
from tests.support.run_workers import run_workers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demos")]  # compared with the same one

SLUG = "btc-up-down-prices"
HOURS = 8
DEMO = ("demo", "--prices", "prices.csv")
# What the run says just before it asks models: it is at work, and far from its end.
UNDER_WAY = f"btc_up_down_prices__feed_records - {HOURS} of {HOURS} windows"


def daemon_log(coordinator: Commands) -> str:
    log = coordinator.home / "logs" / "dagster-daemon.log"
    return log.read_text() if log.exists() else ""


def write_prices(coordinator: Commands) -> None:
    """Two hours that models are given first, and those of the demo."""
    closes = closes_from(FIRST_BAR, walk(60 * (2 + HOURS) + 10))
    write_candles(coordinator.directory / "prices.csv", closes)


def start_demo(coordinator: Commands) -> "subprocess.Popen[str]":
    write_prices(coordinator)
    demo = coordinator.start(*DEMO)
    wait_for(lambda: UNDER_WAY in daemon_log(coordinator), why="no run asks", seconds=150)
    return demo


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path_factory.mktemp("undisturbed"))
    write_prices(commands)
    commands.succeed(*DEMO)
    return commands


def interrupt(coordinator: Commands, number: signal.Signals) -> None:
    """Signal a demo at work: everything stops, and it says so."""
    demo = start_demo(coordinator)
    processes = family(demo.pid)
    assert len(processes) > 5
    os.kill(demo.pid, number)
    out, err = demo.communicate(timeout=60)
    require_gone(processes)
    assert demo.returncode not in {0, None}
    assert "Traceback" not in out + err
    assert "Aborted" not in out + err
    assert "What was stored stays; the same command goes on from there." in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_demo_and_everything_of_it(coordinator: Commands, number: signal.Signals):
    interrupt(coordinator, number)


def test_an_interrupted_demo_stops_everything_and_the_next_one_works(
    coordinator: Commands, undisturbed: Commands
):
    interrupt(coordinator, signal.SIGINT)
    coordinator.succeed(*DEMO)
    assert coordinator.boards(slug=SLUG) == undisturbed.boards(slug=SLUG) != []


def test_a_killed_run_is_told_and_the_next_demo_ends_with_the_same_board(
    coordinator: Commands, undisturbed: Commands
):
    demo = start_demo(coordinator)
    with dg.DagsterInstance.from_config(str(coordinator.home / "dagster")) as instance:
        (worker,) = run_workers(instance)
    os.kill(worker, signal.SIGKILL)
    _, err = demo.communicate(timeout=120)
    assert demo.returncode == 1
    assert err.startswith("Error: the run ")
    assert "ended with failure" in err
    coordinator.succeed(*DEMO)
    assert coordinator.boards(slug=SLUG) == undisturbed.boards(slug=SLUG) != []


def test_after_a_crash_of_everything_the_next_demo_ends_with_the_same_board(
    coordinator: Commands, undisturbed: Commands
):
    demo = start_demo(coordinator)
    processes = family(demo.pid)
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    demo.communicate()
    require_gone(processes)
    coordinator.succeed(*DEMO)
    assert coordinator.boards(slug=SLUG) == undisturbed.boards(slug=SLUG) != []


def daemons(demo: "subprocess.Popen[str]") -> list[int]:
    return [pid for pid, line in family(demo.pid).items() if "dagster-daemon run" in line]


@pytest.mark.parametrize("start", [start_demo, lambda commands: commands.start("demo")])
def test_a_daemon_that_dies_ends_the_demo(
    coordinator: Commands, start: Callable[[Commands], "subprocess.Popen[str]"]
):
    demo = start(coordinator)
    (daemon,) = wait_for(lambda: daemons(demo), why="no daemon")
    processes = family(demo.pid)
    os.kill(daemon, signal.SIGKILL)
    _, err = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert err.startswith("Error: ")
    assert "no daemon" in err
    assert "Traceback" not in err
    require_gone(processes)


def test_two_demos_at_once_in_one_home_are_refused(coordinator: Commands):
    demo = start_demo(coordinator)
    try:
        assert "already at work" in coordinator.refuse(*DEMO)
        assert "already at work" in coordinator.refuse("dev", "--port", "39998")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
