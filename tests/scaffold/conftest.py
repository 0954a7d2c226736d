"""Generated workspaces: made, imported without a trace, and read back."""

import importlib
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from coordinator_pipelines.scaffold.blueprint import blueprint
from coordinator_pipelines.scaffold.creation import Created, create

TODAY = datetime(2026, 3, 1, tzinfo=UTC)

Make = Callable[..., Created]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Scaffold a challenge into a directory of the test, called ``project``."""

    def made(slug: str | None = "btc-trader", *, force: bool = False, **given: Any) -> Created:
        plan = blueprint(given, name=slug, preset=None, today=TODAY)
        return create(plan, tmp_path / "project", force=force)

    return made


@contextmanager
def importable(created: Created) -> Iterator[None]:
    """The public package of a workspace can be imported, until the block ends."""
    before = list(sys.path)
    sys.path.append(str(next(created.workspace.glob("crunch-[!n]*"))))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
        for name in [name for name in sys.modules if name.startswith("crunch_")]:
            del sys.modules[name]


def loaded(created: Created) -> dg.Definitions:
    """What Dagster finds in the node, without anything that is not in the workspace."""
    with importable(created):
        sys.path.pop()
        definitions = runpy.run_path(str(created.node / "definitions.py"))["defs"]
    assert isinstance(definitions, dg.Definitions)
    return definitions


def run_tests(created: Created) -> "subprocess.CompletedProcess[str]":
    """The generated package's own tests, as its author runs them."""
    package = created.workspace / "crunch-btc-trader"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # Plugins of this environment are none of the author's, and take longer than the tests.
    bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=package, env=bare, capture_output=True, text=True, check=False
    )


def tree(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, hidden ones too."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
