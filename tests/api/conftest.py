"""The Report API on databases that the pipeline filled: one with two hours, one with nothing."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from coordinator_pipelines.api.app import create_app
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.postgresql import PostgresServer
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.databases import empty_sqlite
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import FixedClock, Pipeline
from tests.support.prices import closes_from, walk, write_candles

WINDOWS = 4
NOW = datetime(2025, 1, 2, tzinfo=UTC)

Headers = dict[str, str] | list[tuple[str, str]] | None


@dataclass(frozen=True)
class ApiClient:
    """Asks an application without a network; what goes wrong in it is an answer."""

    app: FastAPI

    def get(self, path: str, headers: Headers = None) -> httpx.Response:
        """The answer to one request; redirects are not followed."""
        return self.request("GET", path, headers)

    def request(self, method: str, path: str, headers: Headers = None) -> httpx.Response:
        """The answer to one request of any method."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


@dataclass(frozen=True)
class Filled:
    """A challenge and its database."""

    challenge: Challenge
    url: str
    directory: Path


def fill(directory: Path, url: str = "") -> Filled:
    """Four windows of the small challenge, with four models."""
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(300)))
    write_participants(directory, FOUR)
    challenge = small_challenge(directory, checkpoint_interval_seconds=3600)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = Pipeline(challenge, directory, monkeypatch, url=url)
        pipeline.succeed(START, WINDOWS)
        pipeline.succeed(START, 1, job="checkpoint")
    return Filled(challenge, pipeline.url, directory)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A database that nobody changes: copy it to change it."""
    return fill(tmp_path_factory.mktemp("filled"))


@pytest.fixture(scope="session")
def _filled_template(
    postgresql_server: PostgresServer,
    _postgresql_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Filled:
    url = postgresql_server.create_database("template_filled", _postgresql_template)
    return fill(tmp_path_factory.mktemp("filled_template"), url)


@pytest.fixture
def filled_postgresql(
    _filled_template: Filled, postgresql_server: PostgresServer
) -> Iterator[Filled]:
    """The same on PostgreSQL, to be changed."""
    name = "filled"
    url = postgresql_server.create_database(name, "template_filled")
    yield replace(_filled_template, url=url)
    postgresql_server.drop_database(name)


def execute(filled: Filled, statement: str, *values: Any) -> None:
    """Change a database on SQLite."""
    with closing(sqlite3.connect(filled.url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(statement, values)


def micros(instant: datetime) -> int:
    """An instant as SQLite keeps it."""
    return int(instant.timestamp() * 1_000_000)


@contextmanager
def serving(challenge: Challenge, url: str, **options: Any) -> Iterator[ApiClient]:
    """The API on a database, which tests change between two answers."""
    options.setdefault("fresh_seconds", 0)
    ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
    clock = options.pop("clock", None) or FixedClock(NOW)
    try:
        app = create_app(challenge, ledger, clock, **options)
        yield ApiClient(app)
    finally:
        ledger.close()


@pytest.fixture(scope="session")
def client(filled: Filled) -> Iterator[ApiClient]:
    """The API on the filled database; its first answer costs as much as the next hundred."""
    with serving(filled.challenge, filled.url) as client:
        yield client


@pytest.fixture(scope="session")
def empty_client(filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    """The API on a database with a schema and nothing in it."""
    url = empty_sqlite(tmp_path_factory.mktemp("empty") / "ledger.db")
    with serving(filled.challenge, url) as client:
        yield client


@pytest.fixture
def copied(filled: Filled, tmp_path: Path) -> Filled:
    """A copy of the filled database, to be changed."""
    shutil.copy(filled.directory / "ledger.db", tmp_path / "ledger.db")
    return Filled(filled.challenge, f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path)


@pytest.fixture
def serve() -> Callable[..., Any]:
    """The API on a database of the test's choice: ``serve(challenge, url, **options)``."""
    return serving
