"""``coordinator init`` and ``coordinator doctor`` as their user runs them."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.stack.code_servers import code_servers
from coordinator_pipelines.stack.workspaces import known_workspaces
from tests.browser.conftest import free_port
from tests.command import Commands, wait_for
from tests.scaffold.conftest import Make

NAMES = ("baseline", "density", "in-sample", "out-of-sample", "realtime", "tournament")


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[Commands]:
    """Commands in an empty home and an empty directory."""
    commands = Commands(tmp_path)
    yield commands
    commands.end_all()


def test_a_challenge_is_made_and_is_healthy(coordinator: Commands, tmp_path: Path):
    said = coordinator.succeed("init", "btc-trader", "--preset", "realtime")
    workspace = tmp_path / "btc-trader"
    assert f"Scaffold created: {workspace}\n" in said
    assert f"Next: cd {workspace / 'crunch-node-btc-trader'}\n" in said
    found = coordinator.run("doctor", cwd=workspace / "crunch-node-btc-trader")
    assert (found.status, found.err) == (0, "")
    assert found.out.endswith("doctor passed\n")
    assert "replays: not allowed" in found.out
    assert "ok    incentives: nothing dishonest earns more" in found.out
    scoring = workspace / "crunch-btc-trader" / "crunch_btc_trader" / "scoring.py"
    scoring.write_text(scoring.read_text().replace("prediction: Answer", "answer: Answer"))
    broken = coordinator.run("doctor", cwd=workspace)
    assert broken.status == 1
    assert "wrong callables: SCORING_FUNCTION" in broken.out
    assert "Traceback" not in broken.said


@pytest.mark.slow
def test_the_ports_that_a_node_is_to_have_are_looked_at(coordinator: Commands, tmp_path: Path):
    coordinator.succeed("init", "btc-trader", "--preset", "realtime")
    node = tmp_path / "btc-trader" / "crunch-node-btc-trader"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = coordinator.succeed("doctor", "--models-port", str(port - 1), cwd=node)
        assert f"ports: in use: {port} (list of models, beside that one)" in told
        node_port = {"MODEL_RUNNER_NODE_PORT": str(port)}
        told = replace(coordinator, extra=node_port).succeed("doctor", cwd=node)
    assert f"{port} (where runs look for models on 127.0.0.1)" in told
    wrong = replace(coordinator, extra={"MODEL_RUNNER_NODE_PORT": "x"}).run("doctor", cwd=node)
    assert wrong.status == 1
    assert "wrong ports: MODEL_RUNNER_NODE_PORT is 'x'" in wrong.out


def test_a_spec_file_is_checked_and_used(coordinator: Commands, tmp_path: Path):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"spec_version": "1", "name": "eth", "preset": "in-sample"}))
    said = coordinator.succeed("doctor", "--spec", str(spec))
    assert said.startswith("doctor passed: spec is valid\n- name: eth\n- crunch_id: eth\n")
    assert "- preset: in-sample\n- callables: 5\n- scheduled_prediction_configs: 1\n" in said
    coordinator.succeed("init", "--spec", str(spec), "--output", str(tmp_path / "out"))
    assert (tmp_path / "out" / "eth" / "crunch-node-eth" / "spec.yaml").is_file()
    node = tmp_path / "out" / "eth" / "crunch-node-eth" / "spec.yaml"
    assert "doctor passed" in coordinator.succeed("doctor", "--spec", str(node))


def test_mistakes_end_in_one_message(coordinator: Commands, tmp_path: Path):
    spec = tmp_path / "spec.json"
    spec.write_text('{"spec_version": "1", "checkpoint_interval_seconds": []}')
    assert "spec.json: checkpoint_interval_seconds" in coordinator.refuse(
        "doctor", "a", "--spec", str(spec)
    )
    assert "doctor failed: there is no generated challenge" in coordinator.refuse("doctor")
    assert "Invalid challenge name" in coordinator.refuse("init", "../escape")
    assert {path.name for path in tmp_path.iterdir()} == {"spec.json", "user"}


def test_the_presets_are_listed(coordinator: Commands):
    lines = coordinator.succeed("init", "--list-presets", "--preset", "x").splitlines()
    assert lines[0] == "Available presets:"
    assert [line[2:].partition(":")[0] for line in lines[1:]] == list(NAMES)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process in an empty directory and home, with what may be imported as it was."""
    monkeypatch.setenv("COORDINATOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_node_is_its_own_code_location_as_long_as_it_is_there(make: Make, at_home: Path):
    created = make()
    found = location.of_spec(created.node / "spec.yaml")
    assert found.spec == created.node / "spec.yaml"
    assert str(created.node / "definitions.py") in found.workspace.read_text()
    assert os.environ["PYTHONPATH"].endswith("btc-trader/crunch-btc-trader")
    assert found.workspace in known_workspaces()
    created.workspace.rename(at_home / "elsewhere")
    assert found.workspace not in known_workspaces()


def test_a_location_that_the_project_names_is_served_once(
    make: Make, at_home: Path, monkeypatch: pytest.MonkeyPatch
):
    created = make()
    found = location.of_spec(created.node / "spec.yaml")
    monkeypatch.chdir(created.locations.parent)
    known = known_workspaces()
    assert found.workspace not in known
    assert known == [Path("workspace.yaml")]
    assert at_home.is_dir()


@pytest.mark.usefixtures("at_home")
def test_the_starter_is_served_only_from_a_home_where_it_was_run():
    assert known_workspaces() == []
    starter = location.starter()
    assert known_workspaces() == [starter.workspace]
    [server] = code_servers(known_workspaces())
    assert server.name == "btc-up-down"


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    "text",
    [
        "load_from: [",
        "- a",
        "hello",
        "load_from: 1",
        "load_from: !other []",
        "load_from: [{}]",
        "load_from: [a.py]",
        "load_from: [{python_file: a.py}]",
        "load_from: [{python_file: {relative_path: a.py}}]",
        "load_from: [{python_module: {location_name: a}}]",
        "load_from: [{grpc_server: {port: 1, location_name: a}}]",
    ],
)
def test_locations_that_cannot_be_served_are_refused_with_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
):
    monkeypatch.chdir(tmp_path)
    Path("workspace.yaml").write_text(text)
    with pytest.raises(CoordinatorError, match=r"workspace\.yaml"):
        code_servers(known_workspaces())


@pytest.mark.slow
def test_a_generated_challenge_runs_live(tmp_path: Path, model_runner: RunnerEnvironment):
    runner = {"COORDINATOR_MODEL_RUNNER": str(model_runner.directory)}
    commands = Commands(tmp_path, extra=runner)
    commands.succeed("init", "btc-trader", "--preset", "realtime")
    spec = tmp_path / "btc-trader" / "crunch-node-btc-trader" / "spec.yaml"
    log = tmp_path / "dev.log"
    try:
        dev = commands.start("dev", "--spec", str(spec), "--port", str(free_port()), log=log)
        wait_for(lambda: "round  2 success" in log.read_text(), why="no round", seconds=150)
        dev.send_signal(signal.SIGINT)
        assert dev.wait(timeout=60) == 0
    finally:
        commands.end_all()
    assert "Traceback" not in log.read_text()
