"""Presets from the built wheel, without the source tree: from `init` to scored predictions.

Every preset is written and examined. Of those that ask the same question only the rounds differ,
and these are set here, to a few seconds: so one of each question is deployed.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.scaffold.presets import QUESTIONS
from tests.browser.conftest import free_port
from tests.command import Commands
from tests.support.fast import fast_spec

FEATURES = "id,size,age\na,1,5\nb,2,3\nc,3,4\nd,4,1\n"
TRUTH = "id,truth\na,1\nb,2\nc,3\nd,4\n"
ONE_OF_EACH = {QUESTIONS[preset]: preset for preset in reversed(PRESETS)}.values()


@pytest.fixture
def author(tmp_path: Path, installed: Path, model_runner: RunnerEnvironment) -> Iterator[Commands]:
    """Commands of the wheel in an empty directory and an empty home."""
    runner = {"COORDINATOR_MODEL_RUNNER": str(model_runner.directory)}
    commands = Commands(tmp_path, python=installed, extra=runner)
    yield commands
    commands.run("down")


def created(author: Commands, preset: str) -> Path:
    """A challenge of a preset, which passes its own tests and the doctor's."""
    (author.directory / "fast.yaml").write_text(yaml.safe_dump(fast_spec(preset)))
    author.succeed("init", "shop", "--spec", "fast.yaml")
    workspace = author.directory / "shop"
    tests = [author.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(tests, cwd=workspace / "crunch-shop", env=author.environment, check=True)
    author.succeed("doctor", cwd=workspace / "crunch-node-shop")
    return workspace / "crunch-node-shop" / "spec.yaml"


@pytest.mark.slow
@pytest.mark.parametrize("preset", [each for each in PRESETS if each not in ONE_OF_EACH])
def test_a_preset_from_the_wheel_passes_its_own_tests(author: Commands, preset: str) -> None:
    assert created(author, preset).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("preset", ONE_OF_EACH)
def test_a_preset_goes_from_the_wheel_to_scored_predictions(author: Commands, preset: str) -> None:
    spec = str(created(author, preset))
    ports = ("--port", str(free_port()), "--report-port", str(free_port()))
    author.succeed("deploy", "--spec", spec, *ports)
    if preset == "tournament":
        operate(author, spec)
    last = author.succeed("verify-e2e", "--spec", spec, "--timeout", "120").splitlines()[-1]
    assert last.startswith("shop works: 2 models (")
    assert author.succeed("down").startswith("shop is stopped (")


def operate(author: Commands, spec: str) -> None:
    """Open a round, and post its truth as soon as that may be."""
    (author.directory / "features.csv").write_text(FEATURES)
    (author.directory / "truth.csv").write_text(TRUTH)
    said = author.succeed("round", "open", "--spec", spec, "--features", "features.csv")
    [due] = re.findall(r"Its truth is posted from (\S+) on", said)
    time.sleep(max(0.0, (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()) + 0.5)
    author.succeed("round", "resolve", "--spec", spec, "--truth", "truth.csv")
