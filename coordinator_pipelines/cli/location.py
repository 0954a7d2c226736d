"""Where the challenges of this machine are: the starter's location, and those made by a demo.

Add here what finds or writes a code location; avoid running anything in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from coordinator_pipelines import settings
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CoordinatorError, FeedConfigurationError
from coordinator_pipelines.domain.feed_spec import FileFeedSpec
from coordinator_pipelines.scaffold.names import public_package
from coordinator_pipelines.spec_file import dump_challenge, load_challenge

STARTER = resources.files("coordinator_pipelines.starter")
SUFFIX = ".workspace.yaml"


@dataclass(frozen=True, slots=True)
class Location:
    """A challenge, its spec, and the workspace file that serves it."""

    challenge: Challenge
    spec: Path
    workspace: Path


def starter_spec() -> Path:
    """The spec of the built-in challenge."""
    return Path(str(STARTER / "spec.yaml"))


def starter() -> Location:
    """The built-in challenge."""
    spec = starter_spec()
    challenge = load_challenge(spec)
    workspace = _workspace_of(challenge)
    workspace.write_text((STARTER / "workspace.yaml").read_text())
    return Location(challenge, spec, workspace)


def load_challenge_with_code(spec: Path) -> Challenge:
    """The challenge of a spec; what is in the public package beside its node can be imported.

    Raises:
        SpecError: the spec cannot be read, or is wrong.
    """
    if package := public_package(spec.absolute().parent):
        settings.share_imports(package)
    return load_challenge(spec)


def of_spec(spec: Path) -> Location:
    """The challenge of a spec: served by the definitions beside it, or by some that are written.

    Raises:
        FeedConfigurationError: another price file already gave its name to a challenge.
    """
    challenge = load_challenge_with_code(spec)
    definitions = spec.absolute().with_name("definitions.py")
    if not definitions.is_file():
        return derived(challenge)
    workspace = _workspace_of(challenge)
    return Location(challenge, spec, _served(workspace, str(definitions), challenge.name))


def derived(challenge: Challenge) -> Location:
    """A challenge of its own with a spec, a code location and a database under home.

    Raises:
        FeedConfigurationError: another price file already gave its name to a challenge.
    """
    directory = settings.home() / "challenges" / challenge.name
    directory.mkdir(parents=True, exist_ok=True)
    spec = directory / "spec.yaml"
    _require_same_prices(challenge, spec)
    spec.write_text(dump_challenge(challenge))
    template = Path(__file__).with_name("templates") / "definitions.py.txt"
    (directory / "definitions.py").write_text(template.read_text())
    served = _served(_workspace_of(challenge), f"{challenge.name}/definitions.py", challenge.name)
    return Location(challenge, spec, served)


def _workspace_of(challenge: Challenge) -> Path:
    """The workspace file that says how a challenge is served from this home."""
    directory = settings.home() / "challenges"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"{challenge.name}{SUFFIX}"


def _served(workspace: Path, definitions: str, name: str) -> Path:
    """Write the workspace file of one location."""
    entry = {"relative_path": definitions, "location_name": name}
    workspace.write_text(yaml.safe_dump({"load_from": [{"python_file": entry}]}, sort_keys=False))
    return workspace


def _require_same_prices(challenge: Challenge, spec: Path) -> None:
    """A file that was moved is the same one; two that exist are two feeds."""
    if not spec.exists():
        return
    known, new = load_challenge(spec).feed, challenge.feed
    if (
        isinstance(known, FileFeedSpec)
        and isinstance(new, FileFeedSpec)
        and known.path != new.path
        and Path(known.path).exists()
    ):
        raise FeedConfigurationError(
            f"{challenge.name} is the challenge on {known.path}; copy {new.path} to a file of "
            "another name: each file has a challenge and a database of its own"
        )


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
