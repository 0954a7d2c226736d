"""What a node remembers of how it was generated: the answers, and what came from templates.

Add here what an upgrade must know of a node; avoid deciding what to do about it (``upgrade``).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from coordinator_pipelines import __version__
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import ScaffoldError, SpecError
from coordinator_pipelines.scaffold.blueprint import MODELS_FILE, Blueprint
from coordinator_pipelines.scaffold.identity import chosen_preset
from coordinator_pipelines.scaffold.names import Names
from coordinator_pipelines.spec_file import located

MANIFEST_FILE = ".coordinator-template.json"
AUTHORS_FILES = frozenset(["spec.yaml", MODELS_FILE, "README.md"])
"""Files of a node that are its author's from the first day on."""


def _inside(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("must be the path of a file in the node")
    return path


class Manifest(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    """Of the package whose templates the files are."""
    answers: dict[str, Any]
    """The spec that was scaffolded. The author's is ``spec.yaml``, and may have moved on."""
    files: dict[Annotated[str, AfterValidator(_inside)], str]
    """Path in the node -> :func:`digest` of what the template said last."""

    def text(self) -> str:
        """As it is written."""
        return self.model_dump_json(indent=2) + "\n"


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def from_templates(names: Names, files: Mapping[PurePosixPath, str]) -> dict[str, str]:
    """Path in the node -> text, for those of a workspace's files that are not the author's."""
    node = PurePosixPath(names.node)
    inside = {path.relative_to(node): files[path] for path in files if path.is_relative_to(node)}
    return {str(path): text for path, text in inside.items() if str(path) not in AUTHORS_FILES}


def manifest_of(answers: Mapping[str, Any], files: Mapping[str, str]) -> Manifest:
    """What to remember of files that the present templates made."""
    digests = {path: digest(text) for path, text in files.items()}
    return Manifest(version=__version__, answers=dict(answers), files=digests)


def read_manifest(node: Path) -> Manifest:
    """What a node remembers.

    Raises:
        ScaffoldError: it remembers nothing, or it cannot be read.
    """
    path = node / MANIFEST_FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ScaffoldError(
            f"{path} is not there. Call this in a node (crunch-node-...) that `coordinator init` "
            "has written. If this is one: scaffold its spec.yaml once more, to another --output, "
            "and compare."
        ) from None
    except OSError as error:
        raise ScaffoldError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ScaffoldError(
            f"{path} cannot be understood ({where}: {first['msg']}); restore it as it was"
        ) from None


def blueprint_of(node: Path, manifest: Manifest) -> Blueprint:
    """What the node was generated from. Its callables are not imported.

    Raises:
        SpecError: this version of the package does not take the answers any more.
    """
    try:
        spec = {**manifest.answers, "preset": chosen_preset(None, manifest.answers)}
        challenge = checked_challenge(spec)
    except SpecError as error:
        raise located(node / MANIFEST_FILE, error) from None
    return Blueprint(Names(challenge.name), challenge, spec)
