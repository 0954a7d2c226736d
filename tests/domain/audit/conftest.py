"""A finished challenge on each dialect, and its audit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audited import Audits, audits


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audits]:
    """On SQLite; a test that changes a row brings it back."""
    yield from audits(tmp_path_factory.mktemp("audited"))


@pytest.fixture
def postgresql_books(tmp_path: Path, postgresql_url: str) -> Iterator[Audits]:
    """On PostgreSQL."""
    yield from audits(tmp_path, postgresql_url)
