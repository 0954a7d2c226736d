"""What the parts of a new challenge are called: every name follows from the slug.

Add a name here when another file or directory is written; avoid writing.
"""

from dataclasses import dataclass
from pathlib import Path

from coordinator_pipelines.domain.spec.defaults import own_package

PUBLIC_PREFIX = "crunch-"
NODE_PREFIX = "crunch-node-"


@dataclass(frozen=True, slots=True)
class Names:
    """The names that follow from a slug such as ``btc-trader``."""

    slug: str

    @property
    def public(self) -> str:
        """Directory of the public package, and what it is installed as."""
        return f"{PUBLIC_PREFIX}{self.slug}"

    @property
    def package(self) -> str:
        """The public package as it is imported."""
        return own_package(self.slug)

    @property
    def node(self) -> str:
        """Directory of the private node."""
        return f"{NODE_PREFIX}{self.slug}"


def public_package(node: Path) -> Path | None:
    """The directory of the public package beside a node; None if there is none."""
    directory = node.absolute()
    if not directory.name.startswith(NODE_PREFIX):
        return None
    beside = directory.with_name(Names(directory.name.removeprefix(NODE_PREFIX)).public)
    return beside if beside.is_dir() else None
