"""This process's own environment as that of a stack, and a database for Dagster."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator_pipelines import settings
from tests.postgresql import PostgresServer

_numbers = itertools.count(1)


@pytest.fixture
def home_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """This process's own environment, with an empty home and Dagster's storage in files."""
    monkeypatch.setenv(settings.HOME_VARIABLE, str(tmp_path / "coordinator"))
    for name in ("DAGSTER_HOME", settings.URL_VARIABLE, settings.DAGSTER_URL_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def dagster_database(
    home_environment: pytest.MonkeyPatch, postgresql_server: PostgresServer
) -> Iterator[str]:
    """A database without tables that the environment names as Dagster's; its URL for psycopg."""
    name = f"dagster_{next(_numbers)}"
    url = postgresql_server.create_database(name)
    address = url.partition("://")[2]
    home_environment.setenv(settings.DAGSTER_URL_VARIABLE, settings.DAGSTER_URL_SCHEME + address)
    yield url
    postgresql_server.drop_database(name)
