"""Fixtures that more than one directory of tests needs: databases, a browser, real prices.

What a test cannot have here (a PostgreSQL server, a browser, the price files) makes it skip, and
the summary says so in red, because a suite that skips looks green. With ``CI`` or
``COORDINATOR_TEST_REQUIRE=postgresql,chromium`` set, a missing program is a failure instead.
"""

import fcntl
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

from coordinator_pipelines import settings
from coordinator_pipelines.domain.values.errors import RunnerError
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands
from tests.postgresql import PostgresServer, find_binaries
from tests.support.databases import empty_sqlite
from tests.support.wheel import build_wheel, install_wheel

# A busy machine must not fail an example; CI tries the same examples every time.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

# Models of tests are the tests' own: they are also replayed where no sandbox works.
os.environ.setdefault(settings.TRUST_VARIABLE, "1")

# In the background of a script SIGINT is ignored, Dagster then ignores SIGTERM too, and nohup has
# SIGHUP ignored: every program that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

DIALECTS = ("sqlite", "postgresql")
NO_SERVER = "no PostgreSQL server binary found; install postgresql to run them"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = f"no browser found; install one of {', '.join(BROWSERS)} to run them"
NO_RUNNER = "the published model runner cannot be had"
NO_REDIS = "redis-server is not installed"
NO_PRICES = "COORDINATOR_TEST_PRICES is not set; it names the directory of the price files"

ROOT = Path(__file__).parent
CHAIN = {ROOT / room for room in ("api", "assets", "domain", "sensors", "stack")}
"""Where tests run the whole chain: on PostgreSQL among the slow ones, on SQLite always."""

_numbers = itertools.count(1)


def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores: a quarter of the time, tests wait for processes and servers."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Storage is tested on both dialects by every run; what is built on it need not be."""
    for item in items:
        if isinstance(item, pytest.Function) and CHAIN.intersection(item.path.parents):
            parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
            if "postgresql" in parameters or "postgresql_server" in item.fixturenames:
                item.add_marker("slow")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """A running server of this test process."""
    if find_binaries() is None:
        miss("postgresql", NO_SERVER)
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def browser_path() -> str:
    """A browser of the Chromium family on this machine."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or miss("chromium", NO_BROWSER)


def miss(program: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where the program must be there."""
    required = os.environ.get("COORDINATOR_TEST_REQUIRE", "").split(",")
    if os.environ.get("CI") or program in required:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: PostgresServer) -> str:
    schema.upgrade(postgresql_server.create_database("template_ledger"))
    return "template_ledger"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database with the newest schema and nothing in it."""
    return empty_sqlite(tmp_path / "ledger.db")


@pytest.fixture
def postgresql_url(postgresql_server: PostgresServer, _postgresql_template: str) -> Iterator[str]:
    """A PostgreSQL database with the newest schema and nothing in it."""
    name = f"ledger_{next(_numbers)}"
    yield postgresql_server.create_database(name, _postgresql_template)
    postgresql_server.drop_database(name)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the newest schema and nothing in it, on each dialect in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=DIALECTS)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any schema, on each dialect in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'directory' / 'bare.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgresql_server")
    name = f"bare_{next(_numbers)}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture
def ledger(database_url: str) -> Iterator[SqlLedger]:
    """An empty ledger, on each dialect in turn."""
    ledger = SqlLedger(database_url)
    yield ledger
    ledger.close()


@pytest.fixture(scope="session")
def model_runner(tmp_path_factory: pytest.TempPathFactory) -> RunnerEnvironment:
    """The published runner's environment: the one that is named, or one made for all tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    home = shared / "model-runner"
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return RunnerEnvironment.find(settings.model_runner(), home, lambda _: None)
        except RunnerError as error:
            miss("runner", f"{NO_RUNNER}: {error}")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel, and without the source tree."""
    return install_wheel(wheel, tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="session")
def prices_dir() -> Path:
    """The directory of the real price files."""
    directory = os.environ.get("COORDINATOR_TEST_PRICES")
    if not directory:
        pytest.skip(NO_PRICES)
    return Path(directory)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say loudly, after everything else, which kinds of tests did not run."""
    yield
    skipped = "".join(str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    for kind, reason in (
        ("PostgreSQL", NO_SERVER),
        ("Browser", NO_BROWSER),
        ("Model-runner", NO_RUNNER),
        ("Broker", NO_REDIS),
        ("Real-price", NO_PRICES),
    ):
        if reason in skipped:
            line = f"{kind} tests were SKIPPED: {reason}"
            terminalreporter.write_line(line, red=True, bold=True)


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[Commands]:
    """Commands in an empty home."""
    commands = Commands(tmp_path)
    yield commands
    commands.end_all()
