"""Workspace files: in which of them this machine's challenges are served.

Add here what finds or reads a workspace file; avoid deciding which challenge a command is about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from coordinator_pipelines import private, settings
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError

SUFFIX = ".workspace.yaml"


@dataclass(frozen=True, slots=True)
class Location:
    """A challenge, its spec, and the workspace file that serves it."""

    challenge: Challenge
    spec: Path
    workspace: Path


def workspace_of(challenge: Challenge) -> Path:
    """The workspace file that says how a challenge is served from this home."""
    directory = private.directory(settings.home() / "challenges")
    return directory / f"{challenge.name}{SUFFIX}"


def serve(workspace: Path, definitions: str, name: str) -> Path:
    """Write the workspace file of one location."""
    entry = {"relative_path": definitions, "location_name": name}
    workspace.write_text(yaml.safe_dump({"load_from": [{"python_file": entry}]}, sort_keys=False))
    return workspace


def known_workspaces() -> list[Path]:
    """Workspace files of all challenges here: this directory's, and of those run from this home.

    A daemon needs them all: it fails the backfills of a challenge that it does not know. A
    location that two of them name is served once, as this directory says.

    Raises:
        CoordinatorError: this directory has one that cannot be understood.
    """
    run_before = filter(_is_there, sorted((settings.home() / "challenges").glob(f"*{SUFFIX}")))
    own = Path("workspace.yaml")
    if not own.is_file():
        return list(run_before)
    here = set(_location_names(own))
    return [own, *(path for path in run_before if here.isdisjoint(_location_names(path)))]


def locations_in(workspace: Path) -> list[Any]:
    """The entries of a workspace file.

    Raises:
        CoordinatorError: it cannot be understood.
    """
    try:
        content = yaml.safe_load(workspace.read_text()) or {}
        entries = content.get("load_from") or []
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError) as error:
        raise _not_understood(workspace, " ".join(str(error).split())) from None
    if not isinstance(entries, list):
        raise _not_understood(workspace, "load_from is no list")
    return entries


def _not_understood(workspace: Path, why: str) -> CoordinatorError:
    return CoordinatorError(
        f"{workspace} must be a mapping with a list 'load_from' of code locations; correct it "
        f"({why})"
    )


def _location_names(workspace: Path) -> Iterator[str]:
    """The names of the locations of a workspace file."""
    for entry in locations_in(workspace):
        for target in entry.values() if isinstance(entry, dict) else ():
            if isinstance(target, dict) and "location_name" in target:
                yield target["location_name"]


def _is_there(workspace: Path) -> bool:
    """Whether what the file of one location serves still exists: a node may be gone."""
    [entry] = locations_in(workspace)
    served = entry.get("python_file")
    return served is None or (workspace.parent / served["relative_path"]).is_file()
