"""A challenge as a Dagster component: the same as a node, by another door."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest
import yaml
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from dagster.components.component_scaffolding import scaffold_object
from dagster.components.core.package_entry import discover_entry_point_package_objects
from dagster.components.testing import create_defs_folder_sandbox
from dagster_shared.serdes.objects import EnvRegistryKey

import coordinator_pipelines
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.spec_file import load_challenge, read_spec
from tests.command import Commands
from tests.scaffold.conftest import Make, importable, loaded, make

__all__ = ["make"]
pytestmark = pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")  # Dagster's own

TYPE = "coordinator_pipelines.Challenge"
DEFINITIONS = """\
from pathlib import Path

import dagster as dg

defs = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
OF_COMPONENTS = ("dagster/component_origin", "dagster/code_references")
"""Metadata by which Dagster says that something comes from a component."""


def component_definitions(attributes: dict[str, Any]) -> dg.Definitions:
    """What Dagster makes of a ``defs.yaml`` with such attributes."""
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(
            component_cls=coordinator_pipelines.Challenge,
            defs_yaml_contents={"type": TYPE, "attributes": attributes},
        )
        with sandbox.load_component_and_build_defs(defs_path=path) as (_, definitions):
            return definitions


def told(definitions: dg.Definitions) -> Any:
    """All that the Dagster UI and daemon are told of a code location."""
    snapshot = serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
    return _without_origins(json.loads(snapshot))


def _without_origins(value: Any) -> Any:
    if isinstance(value, list):
        kept = [each for each in value if _label(each) not in OF_COMPONENTS]
        return [_without_origins(each) for each in kept]
    if isinstance(value, dict):
        kept = {name: _without_origins(each) for name, each in value.items()}
        return {n: each for n, each in kept.items() if n not in OF_COMPONENTS and each}
    return value


def _label(entry: Any) -> Any:
    return entry.get("label") if isinstance(entry, dict) else None


def test_the_component_is_registered():
    found = discover_entry_point_package_objects()
    assert found[EnvRegistryKey.from_typename(TYPE)] is coordinator_pipelines.Challenge
    assert "Challenge" in dir(coordinator_pipelines)
    with pytest.raises(AttributeError, match="no attribute 'Chalenge'"):
        _ = coordinator_pipelines.Chalenge


def test_importing_the_package_does_not_import_dagster():
    code = "import sys, coordinator_pipelines; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_a_component_is_the_same_as_the_generated_code_location(make: Make, preset: str):
    created = make(preset=preset)
    expected = told(loaded(created))
    with importable(created):
        found = told(component_definitions(read_spec(created.node / "spec.yaml")))
    assert found == expected


def test_every_command_takes_a_component_file_as_a_spec(tmp_path: Path):
    scaffold_object(tmp_path / "my_challenge", TYPE, None, "yaml", tmp_path)
    challenge = load_challenge(tmp_path / "my_challenge" / "defs.yaml")
    assert challenge.name == "my-challenge"
    assert Roster.load(challenge.models_file).memberships(challenge.start).empty


def test_a_wrong_spec_is_told_with_its_file_and_every_field():
    attributes = {"spec_version": "1", "name": "a", "preset": "baseline", "batch_window": "2h"}
    with pytest.raises(Exception, match="while loading component") as failed:
        component_definitions(attributes)
    said = str(failed.value.__cause__)
    assert re.match(r"/.*/defs\.yaml: the spec is refused:\n", said)
    assert "  start: missing" in said
    assert "  batch_window: must be '15m', '1h' or '1d' (value '2h')" in said


def test_a_component_without_attributes_is_refused():
    with pytest.raises(Exception, match="while loading component") as failed:
        component_definitions({})
    assert "spec_version: missing" in str(failed.value.__cause__)


@pytest.mark.parametrize(
    ("name", "form", "said"),
    [("no slug!", "yaml", "Invalid challenge name"), ("fine", "python", "described in YAML")],
)
def test_what_cannot_be_scaffolded_leaves_nothing(tmp_path: Path, name: str, form: str, said: str):
    with pytest.raises(click.ClickException, match=said):
        scaffold_object(tmp_path / name, TYPE, None, form, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Commands]:
    """The command ``dg``'s own kind of project, empty."""
    directory = tmp_path / "board"
    (directory / "defs").mkdir(parents=True)
    for package in (directory, directory / "defs"):
        (package / "__init__.py").write_text("")
    (directory / "definitions.py").write_text(DEFINITIONS)
    toml = 'directory_type = "project"\n\n[project]\nroot_module = "board"\n'
    (tmp_path / "dg.toml").write_text(toml)
    commands = Commands(tmp_path, extra={"DAGSTER_DISABLE_TELEMETRY": "yes"})
    yield commands
    commands.end_all()


@pytest.mark.slow
def test_dg_lists_scaffolds_and_checks_a_challenge(project: Commands):
    assert TYPE in project.succeed("list", "components", "--json", program="dg")
    project.succeed("scaffold", "defs", TYPE, "my_challenge", program="dg")
    file = project.directory / "board" / "defs" / "my_challenge" / "defs.yaml"
    assert yaml.safe_load(file.read_text())["attributes"]["name"] == "my-challenge"
    checked = project.run("check", "defs", program="dg")
    assert checked.status == 0, checked.said
    assert "All component YAML validated successfully" in checked.said
    assert "All definitions loaded successfully" in checked.said

    file.write_text(
        file.read_text().replace("granularity_seconds: 60", "granularity_seconds: sixty")
    )
    checked = project.run("check", "yaml", program="dg")
    assert checked.status == 1
    assert "attributes.feed.granularity_seconds 'sixty' is not of type 'integer'" in checked.said
