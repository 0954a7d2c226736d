"""The generated containers: a valid compose file, pinned images, and every port a setting."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scaffold.conftest import Make

SERVICES = {"postgres", "schema", "daemon", "models", "webserver", "report"}
DEFAULTS = {
    "DAGSTER_PORT": "3000", "REPORT_PORT": "8000", "MODELS_PORT": "9091",
    "FRONT_END_PORT": "3001",
}  # fmt: skip
SETTING = re.compile(r"\$\{([A-Z_]+)(?::[-?]([^}]*))?\}")
PORT = re.compile(r"(?:127\.0\.0\.1:)?(\$\{[A-Z_]+:-\d+\}):(\d+)")
CHECK = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")


@pytest.fixture
def node(make: Make) -> Path:
    """A new node."""
    return make().node


def compose(node: Path) -> dict[str, Any]:
    """The compose file, read."""
    content: dict[str, Any] = yaml.safe_load((node / "docker-compose.yml").read_text())
    return content


def checked(node: Path) -> "subprocess.CompletedProcess[str]":
    """The verdict on the compose file by the schema of the Compose Specification."""
    file = str(node / "docker-compose.yml")
    return subprocess.run([*CHECK, file], capture_output=True, text=True, check=False)


def settings_of(text: str) -> dict[str, str]:
    """The settings that a compose file takes from its environment: name -> default."""
    return dict(SETTING.findall(text))


@pytest.mark.slow
def test_the_compose_file_follows_the_specification_and_a_mistake_would_show(node: Path):
    assert checked(node).returncode == 0, checked(node).stdout
    file = node / "docker-compose.yml"
    file.write_text(file.read_text().replace("    healthcheck:", "    health_check:"))
    assert "health_check" in checked(node).stdout


def test_every_port_is_a_setting_with_its_usual_default(node: Path):
    ports = [port for each in compose(node)["services"].values() for port in each.get("ports", [])]
    found = [PORT.fullmatch(port) for port in ports]
    assert all(found), ports
    published = dict(SETTING.findall("".join(match[1] for match in found if match)))
    assert published == DEFAULTS
    assert len(set(published.values())) == len(published)


def test_every_setting_is_in_the_example_with_its_default(node: Path):
    example = (node / ".env.example").read_text()
    wanted = settings_of((node / "docker-compose.yml").read_text())
    listed = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert set(wanted) <= set(listed)
    assert {name: listed[name] for name in DEFAULTS} == DEFAULTS
    assert listed["COORDINATOR_PACKAGE"] == wanted["COORDINATOR_PACKAGE"]


def test_images_and_sources_are_of_one_version(node: Path):
    services = compose(node)["services"]
    base = re.search(r"^FROM (\S+)$", (node / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    for image in (base[1], services["postgres"]["image"]):
        assert re.search(r":\d+\.\d+[-.\w]*$", image)
    assert re.fullmatch(
        r"coordinator-pipelines==[\d.]+",
        settings_of(services["daemon"]["build"]["args"]["COORDINATOR"])["COORDINATOR_PACKAGE"],
    )
    assert re.search(r"\.git#[0-9a-f]{40}\}$", services["front-end"]["build"]["context"])


def test_the_existing_front_end_starts_only_if_it_is_asked_for(node: Path):
    services = compose(node)["services"]
    assert {name for name, each in services.items() if "profiles" not in each} == SERVICES
    front_end = services["front-end"]
    assert front_end["profiles"] == ["front-end"]
    assert front_end["build"]["args"]["NEXT_PUBLIC_API_URL"] == "http://report:8000"
    assert "docker.sock" not in (node / "docker-compose.yml").read_text()


def test_runs_reach_the_models_in_their_own_container(node: Path):
    services = compose(node)["services"]
    daemon, models = services["daemon"], services["models"]
    assert daemon["environment"]["MODEL_RUNNER_NODE_HOST"] == "models"
    directory = models["environment"]["TMPDIR"]
    for service in (daemon, models):
        assert f"sockets:{directory}" in service["volumes"]
    assert f" {directory} " in (node / "Dockerfile").read_text()


def test_secrets_stay_out_of_the_image(node: Path):
    ignored = (node / "Dockerfile.dockerignore").read_text().split()
    assert {"**/.env", "**/.coordinator"} <= set(ignored)
