"""Finds what a challenge shares with its models, after everything that is installed for them.

Laid out as ``sitecustomize.py`` where ``PYTHONPATH`` points to, beside ``modules``, and imported
by Python as it starts. Standard library only. A package that is installed stays whole: what is
shared adds the modules that it lacks, and hides none.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

MODULES = Path(__file__).with_name("modules")


class SharedFinder:
    """A finder of the modules below MODULES, whichever package they say to be in."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is; None if it is not shared. ``path`` is where others have looked."""
        del path
        *parents, _ = name.split(".")
        return PathFinder.find_spec(name, [str(MODULES.joinpath(*parents))], target)


sys.meta_path.append(SharedFinder)
