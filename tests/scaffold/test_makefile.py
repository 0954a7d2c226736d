"""A generated node's Makefile: it finds the coordinator, and installs nothing where none asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Commands

PATH = "/usr/bin:/bin"
"""No coordinator is there."""


@pytest.fixture
def node(coordinator: Commands) -> Path:
    """A node that was just written."""
    coordinator.succeed("init", "btc-trader", "--preset", "realtime")
    return coordinator.directory / "btc-trader" / "crunch-node-btc-trader"


def make(node: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run ``make`` in a terminal in which no environment is active."""
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=node, env={"PATH": PATH, "HOME": str(node)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_coordinator_of_the_nearest_environment_above_is_used(node: Path) -> None:
    (node.parent.parent / ".venv").symlink_to(Path(sys.prefix))
    done = make(node, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("doctor passed\n")


@pytest.mark.slow
def test_the_one_that_is_named_is_used(node: Path) -> None:
    named = f"COORDINATOR={Path(sys.executable).with_name('coordinator')}"
    assert make(node, "doctor", named).stdout.endswith("doctor passed\n")


@pytest.mark.parametrize("target", ["doctor", "deploy", "down", "logs", "verify-e2e", "dev"])
def test_without_one_it_is_said_what_to_do(node: Path, target: str) -> None:
    done = make(node, target)
    assert done.returncode != 0
    assert "There is no coordinator here. Activate the environment that has it" in done.stdout
    assert "not found" not in done.stdout + done.stderr


def test_nothing_is_installed_outside_a_virtual_environment(node: Path) -> None:
    outside = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    done = make(node, "install", f"PYTHON={outside}")
    assert done.returncode != 0
    assert f"Nothing was installed: {outside} is of no virtual environment" in done.stdout
