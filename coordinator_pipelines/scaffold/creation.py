"""A new workspace on disk, and its code location in the project around it.

Add here the order in which things are written; avoid what is in them.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from coordinator_pipelines.domain.values.errors import ScaffoldError
from coordinator_pipelines.scaffold.blueprint import Blueprint
from coordinator_pipelines.scaffold.manifest import MANIFEST_FILE, from_templates, manifest_of
from coordinator_pipelines.scaffold.rendering import rendered
from coordinator_pipelines.scaffold.tree import put_in_place, replace_file, written_aside
from coordinator_pipelines.scaffold.workspace_file import with_location


@dataclass(frozen=True, slots=True)
class Created:
    """What was written."""

    workspace: Path
    node: Path
    replaced: Path | None
    """Where the tree is now that had the name before."""
    locations: Path
    """The ``workspace.yaml`` with the code location."""


def create(plan: Blueprint, output: Path, *, force: bool = False) -> Created:
    """Write ``<output>/<slug>/`` and name it in ``<output>/workspace.yaml``.

    Nothing else is touched. With ``force``, a tree of that name is kept under another one.

    Raises:
        ScaffoldError: the target is there already, or something cannot be written; then nothing
            has changed.
    """
    output = output.absolute()
    target = output / plan.names.slug
    if (target.exists() or target.is_symlink()) and not force:
        raise ScaffoldError(f"Target already exists: {target}. Use --force to overwrite.")
    _make(output)
    locations = output / "workspace.yaml"
    before = _text(locations)
    definitions = f"{plan.names.slug}/{plan.names.node}/definitions.py"
    after = with_location(before, plan.names.slug, definitions)
    made = rendered(plan)
    memory = manifest_of(plan.spec, from_templates(plan.names, made))
    made[PurePosixPath(plan.names.node) / MANIFEST_FILE] = memory.text()
    files = {PurePosixPath(target.name) / path: text for path, text in made.items()}
    files[PurePosixPath(locations.name)] = after
    with written_aside(output, files) as aside:
        replaced = put_in_place(aside / target.name, target)
        if after != before:
            replace_file(aside / locations.name, locations)
    return Created(target, target / plan.names.node, replaced, locations)


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScaffoldError(f"--output {output}: {error.strerror}") from error


def _text(path: Path) -> str | None:
    """A file's text with its own line ends; None if there is none."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{path} cannot be read: {error}") from error
