"""Where the challenges of this machine are: the starter's location, and those made by a demo.

Add here what finds or writes a code location; avoid running anything in it.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from coordinator_pipelines import settings
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import FeedConfigurationError
from coordinator_pipelines.domain.feed_spec import FileFeedSpec
from coordinator_pipelines.spec_file import dump_challenge, load_challenge

STARTER = resources.files("coordinator_pipelines.starter")


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
    return Location(load_challenge(spec), spec, Path(str(STARTER / "workspace.yaml")))


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
    entry = {"relative_path": f"{challenge.name}/definitions.py", "location_name": challenge.name}
    workspace = directory.with_suffix(".workspace.yaml")
    workspace.write_text(yaml.safe_dump({"load_from": [{"python_file": entry}]}, sort_keys=False))
    return Location(challenge, spec, workspace)


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
    """Workspace files of all challenges here: this directory's, the starter's, the derived ones.

    A daemon needs them all: it fails the backfills of a challenge that it does not know.
    """
    derived_ones = sorted((settings.home() / "challenges").glob("*.workspace.yaml"))
    own = Path("workspace.yaml")
    if not own.is_file():
        return [starter().workspace, *derived_ones]
    has_starter = "coordinator_pipelines.starter.definitions" in own.read_text()
    return [own, *([] if has_starter else [starter().workspace]), *derived_ones]
