"""A browser, and the Dagster UI on a home with a small demo and a price file with an outage."""

import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from tests.command import Commands, family, require_gone, wait_for
from tests.support.prices import closes_from, walk, write_candles

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
FIRST_BAR = datetime(2025, 6, 1, 0, 1, tzinfo=UTC)
OUTAGE = datetime(2025, 6, 1, 4, 20, tzinfo=UTC)
PATIENCE_MS = 30_000

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class UserInterface:
    """A running ``coordinator dev``."""

    commands: Commands
    url: str


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether the web server is up."""
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def ui(
    tmp_path_factory: pytest.TempPathFactory, model_runner: RunnerEnvironment
) -> Iterator[UserInterface]:
    """The UI of a home with both challenges; the price file is not there any more."""
    runner = {"COORDINATOR_MODEL_RUNNER": str(model_runner.directory)}
    commands = Commands(tmp_path_factory.mktemp("ui"), extra=runner)
    prices = commands.directory / "outage.csv"
    missing = [int((OUTAGE + timedelta(minutes=k)).timestamp()) for k in range(12)]
    write_candles(prices, closes_from(FIRST_BAR, walk(8 * 60 + 10)), missing=missing)
    commands.succeed("demo", "--prices", str(prices))
    commands.succeed("demo", "--days", "1")
    prices.unlink()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = commands.directory / "dev.log"
    dev = commands.start("dev", "--port", str(port), log=log)
    processes: dict[int, str] = {}
    try:
        wait_for(lambda: answers(url), why=f"no UI: {log.read_text()}")
        yield UserInterface(commands, url)
        processes = family(dev.pid)
        assert len(processes) > 3
        dev.send_signal(2)
        dev.wait(timeout=60)
    finally:
        commands.end_all()
    require_gone(processes)


@pytest.fixture
def page(browser_path: str, ui: UserInterface, tmp_path: Path) -> Iterator[Page]:
    """A page of the browser, wide enough for everything."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, base_url=ui.url)
        page.set_default_timeout(PATIENCE_MS)
        yield page
        page.screenshot(path=tmp_path / "page.png")
        browser.close()
