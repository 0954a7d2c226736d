"""What a challenge gives its models to import, laid out where only that is.

Add here how modules get there; avoid importing models. Parent packages come without their code,
so that nothing else of the challenge is needed, or visible.
"""

import importlib.util
import shutil
from collections.abc import Iterable
from pathlib import Path

from coordinator_pipelines.domain.values.errors import RosterError


def lay_out(modules: Iterable[str], base_class: str, target: Path) -> None:
    """Copy modules, by dotted name, below ``target``.

    Models may leave out leading packages in the base class's name: where it is
    ``tracker.TrackerBase`` and ``my.challenge.tracker`` is shared, ``tracker`` is that module.

    Raises:
        RosterError: a module cannot be found.
    """
    target.mkdir(parents=True, exist_ok=True)
    wanted = base_class.rpartition(".")[0]
    for module in modules:
        _copy(module, target)
        if module.endswith(f".{wanted}") and "." not in wanted:
            alias = f"import sys\n\nimport {module}\n\nsys.modules[__name__] = {module}\n"
            (target / f"{wanted}.py").write_text(alias)


def _copy(module: str, target: Path) -> None:
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        spec = None
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
        shutil.copy(origin, directory / f"{name}.py")
