"""Where models get the class that they inherit from, and whether it can be called as the spec says.

Add here what must hold so that models of a challenge find their base class, and are given what it
needs; avoid finding it for them (``models.base_class``, ``models.shared_modules``).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from coordinator_pipelines import settings
from coordinator_pipelines.domain.spec.call_shape import (
    NO_SCORES,
    CallShape,
    Parameter,
    missing_arguments,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.base_class import base_class, shared_base_module
from coordinator_pipelines.models.requirements import WANTED, RequirementsError, requirements
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.models.shared_modules import lay_out

FIELD = "model_base_classname"
INTERFACE = "model_interface"
IMPORT = """
import importlib, inspect, json, sys
module, _, name = sys.argv[1].rpartition(".")
found = getattr(importlib.import_module(module), name, None)
if not isinstance(found, type):
    sys.exit(f"{module} has no class {name}")
methods = {}
for method in sys.argv[2:]:
    try:
        signature = inspect.signature(getattr(found, method))
    except (AttributeError, TypeError, ValueError):
        continue
    methods[method] = [
        (each.name, each.kind.name, each.default is each.empty and "VAR" not in each.kind.name)
        for each in signature.parameters.values()
    ][not isinstance(inspect.getattr_static(found, method), staticmethod):]
print("\\n" + json.dumps(methods))
"""


def distributions_of(package: str) -> list[str]:
    """What is installed here that a package of this name is part of."""
    return _distributions().get(package, [])


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(found) for name, found in packages_distributions().items()}


def describe_interface(challenge: Challenge, roster: Roster) -> str:
    """By which name models import their base class, and from where.

    Raises:
        CoordinatorError: they cannot, and what to do.
    """
    runner = RunnerEnvironment.present(settings.model_runner(), settings.home() / "runner")
    shared, written = roster.supplies.shared_modules, challenge.model_base_classname
    path = base_class(written, shared)
    module = path.rpartition(".")[0]
    package = module.partition(".")[0]
    if _all_require(roster, package):
        if not distributions_of(package):
            return f"{path}, of a package that models require (not installed here, so not tried)"
        _require(challenge, roster, path, Path(sys.executable))
        return f"{path}, of a package that models require"
    if shared_base_module(written, shared):
        _require(challenge, roster, path, runner.python if runner else Path(sys.executable))
        return f"{path}, which is shared with models"
    if roster.members and all(_brings(member.directory, package) for member in roster.members):
        return f"{path}, which each model brings along"
    if runner and not (done := _import(challenge, path, runner.python)).returncode:
        _fit(challenge.model_interface, challenge.callables.PREDICT_CALL_BUILDER, path, done.stdout)
        return f"{path}, which is installed beside the model runner"
    raise CoordinatorError(
        f"{FIELD} is {written}, and no model can import {module}: list the module under "
        f"`shared_modules` of {challenge.models_file.name}, with the packages that it is in, or "
        "what it is installed as under `requirements`"
    )


def _require(challenge: Challenge, roster: Roster, path: str, python: Path) -> None:
    """Import the class as a model would: with what is installed, and what is shared."""
    with TemporaryDirectory() as directory:
        supplies = roster.supplies
        shared, target = supplies.shared_modules, Path(directory)
        lay_out(shared, challenge.model_base_classname, challenge.own_package, target)
        done = _import(challenge, path, python, PYTHONPATH=directory)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise CoordinatorError(f"{FIELD}: models cannot import {path}: {reason[:300]}")
    _fit(challenge.model_interface, challenge.callables.PREDICT_CALL_BUILDER, path, done.stdout)


def _import(
    challenge: Challenge, path: str, python: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Import the class elsewhere; its output ends with a line of its methods' parameters."""
    shape = challenge.model_interface
    methods = [shape.predict_method, *filter(None, [shape.tick_method])]
    return subprocess.run(
        [str(python), "-P", "-s", "-c", IMPORT, path, *methods],
        env={"PATH": os.defpath, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _fit(shape: CallShape, call_builder: str | None, path: str, said: str) -> None:
    """Refuse an interface by which the methods of the base class cannot be called.

    What the class does not have, its models bring; what a call builder gives, nobody knows.
    """
    methods = json.loads(said.rstrip().rpartition("\n")[2])
    for method, by_position, by_name, where in _calls(shape, call_builder is not None):
        parameters = [Parameter(*each) for each in methods.get(method, [])]
        for trouble in missing_arguments(parameters, by_position, by_name):
            if method in methods:
                raise CoordinatorError(f"{INTERFACE}: {path}.{method} {trouble}; {where}")


def _calls(shape: CallShape, built: bool) -> Iterator[tuple[str, int, set[str], str]]:
    """Each method with the number of its arguments by position, their names, and advice."""
    if shape.tick_method is not None:
        names = {*shape.tick_facts, *shape.tick_constants}
        names |= set(filter(None, [shape.tick_argument]))
        advice = (
            f"name the data in tick_argument, or give it a fixed value under {INTERFACE}."
            f"tick_constants, such as {{}} ({NO_SCORES})"
        )
        yield shape.tick_method, int(shape.tick_argument is None), names, advice
    if not built:
        named = shape.predict_by == "keyword"
        arguments = shape.predict_arguments
        names = {*(arguments if named else ()), *shape.predict_facts, *shape.predict_constants}
        advice = (
            f"give it a field of the scope under {INTERFACE}.predict_arguments, or a fixed value "
            "under predict_constants"
        )
        yield shape.predict_method, 0 if named else len(arguments), names, advice


def _all_require(roster: Roster, package: str) -> bool:
    """Whether every model is given a package, by all that it may be installed as."""
    names = {canonicalize_name(name) for name in (package, *distributions_of(package))}
    common = roster.supplies.requirements
    if names & _named(common):
        return True
    return bool(roster.members) and all(
        names & _named(_requirements_of(member.directory)) for member in roster.members
    )


def _requirements_of(directory: Path | None) -> list[str]:
    try:
        return requirements(directory / WANTED) if directory else []
    except RequirementsError:
        return []


def _named(lines: tuple[str, ...] | list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line.partition(" --hash")[0]).name) for line in lines}


def _brings(directory: Path | None, package: str) -> bool:
    """Whether a model has a module or a package of a name beside its ``main.py``."""
    return directory is not None and any(
        (directory / name).is_file() for name in (f"{package}.py", f"{package}/__init__.py")
    )
