"""What a challenge gives its models to import, laid out where only that is.

Add here how modules get there; avoid importing models. Parent packages come without their code,
so that nothing else of the challenge is needed, or visible.
"""

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

from coordinator_pipelines.domain.spec.defaults import DEFAULT_BASE_CLASS
from coordinator_pipelines.domain.values.errors import RosterError
from coordinator_pipelines.models.base_class import shared_base_module

FINDER = Path(__file__).with_name("shared_finder.py")
ALIAS = "import sys\n\nimport {0}\n\nsys.modules[__name__] = {0}\n"


def lay_out(modules: Sequence[str], base_class: str, own_package: str, target: Path) -> None:
    """Copy modules, by dotted name, to where a ``PYTHONPATH`` of ``target`` makes them found.

    ``base_class``: as in the spec. Where that leaves out leading packages, models may too: the
    short name is the shared module. Where the default one is not shared, and a model brings none
    of that name, it is that of the challenge's ``own_package``, if that is installed.

    Raises:
        RosterError: a module cannot be found.
    """
    shared = target / "modules"
    shared.mkdir(parents=True, exist_ok=True)
    shutil.copy(FINDER, target / "sitecustomize.py")
    for module in modules:
        _copy(module, shared)
    short = base_class.rpartition(".")[0]
    found = shared_base_module(base_class, modules)
    if found is None and own_package and base_class == DEFAULT_BASE_CLASS:
        (shared / f"{short}.py").write_text(ALIAS.format(f"{own_package}.{short}"))
    elif found not in (None, short) and "." not in short:
        (target / f"{short}.py").write_text(ALIAS.format(found))


def is_found(module: str) -> bool:
    """Whether a module can be imported here."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _copy(module: str, target: Path) -> None:
    spec = importlib.util.find_spec(module) if is_found(module) else None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise RosterError(f"shared_modules: {module!r} cannot be found; name an importable module")
    *parents, name = module.split(".")
    directory = target
    for parent in parents:
        directory /= parent
        directory.mkdir(exist_ok=True)
        (directory / "__init__.py").touch()
    origin = Path(spec.origin)
    if origin.name == "__init__.py":
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(origin.parent, directory / name, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(origin, directory / origin.name)
