"""What is shipped: the lock, and a wheel that works without the repository."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.command import Commands

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(\[[a-z,-]+\])?==[0-9][^ ]*( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
# Written so that this file does not name what it forbids.
REGISTRIES = re.compile(
    "|".join(["https?://py" + "pi", "pythonhosted" + r"\.org", "--index" + "-url"])
)


def locked() -> dict[str, str]:
    """Name -> line of every pin; fails on a line that is neither a pin nor a hash."""
    pins = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if match := PIN.match(line):
            pins[re.sub(r"[-_.]+", "-", match[1])] = line
        else:
            assert HASH.match(line), line
    return pins


def test_the_lock_holds_nothing_but_pins_and_their_hashes():
    assert len(locked()) > 50


def test_the_lock_holds_everything_that_the_project_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = [
        *project["project"]["dependencies"],
        *(name for group in project["project"]["optional-dependencies"].values() for name in group),
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ;]", text)[0].lower()) for text in needed}
    assert names <= set(locked())


def test_no_tracked_file_names_a_package_registry():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git repository")
    guilty = [
        name
        for name in listed.stdout.decode().split("\0")
        if name and (ROOT / name).is_file()
        if REGISTRIES.search((ROOT / name).read_bytes().decode(errors="replace"))
    ]
    # The option that keeps an address out of the lock has one of the words in its name.
    assert set(guilty) <= {"Makefile"}
    assert "--no-emit-index" + "-url" in (ROOT / "Makefile").read_text()


def shipped() -> set[str]:
    """Every file of the package, whatever its kind."""
    package = ROOT / "coordinator_pipelines"
    files = {path.relative_to(ROOT) for path in package.rglob("*") if path.is_file()}
    return {path.as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_package_has_files_that_are_no_modules():
    kinds = {Path(name).suffix for name in shipped()}
    assert {".yaml", ".json", ".html", ".css", ".in", ".txt"} <= kinds


@pytest.mark.slow
def test_the_wheel_holds_what_the_commands_need(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert shipped() <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    models = {
        path.parent.name
        for path in (ROOT / "coordinator_pipelines/starter/models").glob("*/main.py")
    }
    assert {name.split("/")[3] for name in names if "/starter/models/" in name} == models


@pytest.mark.slow
def test_the_demo_works_from_the_wheel(installed: Path, tmp_path: Path):
    commands = Commands(tmp_path, python=installed)
    where = "import coordinator_pipelines; print(coordinator_pipelines.__file__)"
    told = subprocess.run(
        [installed, "-c", where], cwd=tmp_path, env={"PATH": os.defpath}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert Path(told.stdout.strip()).is_relative_to(installed.parents[1])
    assert "leaderboard" in commands.succeed("--help")
    assert "board of record as of 2026-11-02 00:00 UTC" in commands.succeed("demo", "--days", "1")


@pytest.mark.slow
def test_the_sbom_names_everything_that_is_locked_and_nothing_else(tmp_path):
    """As ``make sbom`` writes it."""
    path = tmp_path / "sbom.json"
    subprocess.run(
        [
            Path(sys.executable).with_name("cyclonedx-py"), "requirements",
            ROOT / "requirements.lock", "--pyproject", ROOT / "pyproject.toml",
            "--output-reproducible", "--of", "JSON", "-o", path,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    written = json.loads(path.read_text())
    assert written["bomFormat"] == "CycloneDX"
    names = {re.sub(r"[-_.]+", "-", each["name"]) for each in written["components"]}
    assert names == set(locked())
    assert all(each["externalReferences"][0]["hashes"] for each in written["components"])
