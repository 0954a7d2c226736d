"""A PostgreSQL server that keeps what it has committed when it is killed."""

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgresServer, find_binaries


@pytest.fixture
def durable_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server with the settings of production; the usual one of tests commits to memory."""
    if find_binaries() is None:
        request.getfixturevalue("postgresql_server")  # skips or fails, and says why
    with PostgresServer(durable=True) as server:
        yield server
