"""A new challenge, decided and checked, before anything of it is written.

Add here what a spec must fulfil so that code can be generated for it; avoid rules that hold for
every challenge (``domain.spec.rules``).
"""

import builtins
import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from coordinator_pipelines.domain.author.code import load_callable
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.defaults import DEFAULT_BASE_CLASS
from coordinator_pipelines.domain.spec.errors import line
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.values.errors import CallableError, SpecError
from coordinator_pipelines.scaffold import identity
from coordinator_pipelines.scaffold.completion import completed, generated_callables
from coordinator_pipelines.scaffold.interface import distributions_of
from coordinator_pipelines.scaffold.names import Names

TAKEN_MODULES = ("inference", "ranking", "reporting", "schemas", "scoring", "validation")
TAKEN_METHODS = ("Any", "points", "prices", "remember")
TAKEN_CLASSES = frozenset(
    [
        "Any",
        "KEPT_PRICES",
        "LEAN",
        "LOOKBACK",
        "STRENGTH",
        "YEAR",
        "YEARLY_VOLATILITY",
        "math",
        "pairwise",
    ]
)
"""What the module of the base class and the example models call by these names."""
MODELS_FILE = "models.yaml"
HELPER_MODULE, HELPER_CLASS = "helper", "ModelHelper"
"""What is generated where models inherit from a class of another package."""
PACKAGE_PREFIX = "crunch_"
"""How the public packages of challenges begin, other challenges' too."""


@dataclass(frozen=True)
class Blueprint:
    """A challenge that can be scaffolded."""

    names: Names
    challenge: Challenge
    spec: dict[str, Any]
    """The spec as it is written: what the author gave, and all that was filled in."""

    @cached_property
    def foreign_package(self) -> str | None:
        """What to install for a base class of somebody else's package; None for our own."""
        path = self.challenge.model_base_classname
        package, *within, _ = path.split(".")
        if path == DEFAULT_BASE_CLASS or package == self.names.package:
            return None
        known = distributions_of(package)
        if known or within or package.startswith(PACKAGE_PREFIX):
            return known[0] if known else package.replace("_", "-")
        return None

    @property
    def base_module(self) -> str:
        """Module of the public package that models import: their interface, or a help."""
        if self.foreign_package:
            return HELPER_MODULE
        return self.challenge.model_base_classname.split(".")[-2]

    @property
    def base_class(self) -> str:
        """Class in that module: what models inherit from, or may inherit from as well."""
        if self.foreign_package:
            return HELPER_CLASS
        return self.challenge.model_base_classname.rpartition(".")[2]


def blueprint(
    given: dict[str, Any],
    *,
    name: str | None,
    preset: str | None,
    today: datetime,
    directory: Path | None = None,
) -> Blueprint:
    """The challenge that a spec, a name and a preset describe.

    Args:
        given: the author's spec; empty without one.
        name: from the command line.
        preset: from the command line.
        today: start of the challenge, where the spec has none; midnight in UTC.
        directory: from which the relative paths in ``given`` are meant.

    Raises:
        SpecError: it describes none; every problem is a line that names the field.
        CallableError: a callable that is not generated cannot be used; the message names the key.
    """
    names = Names(identity.chosen_name(name, given))
    spec = completed(given, names, identity.chosen_preset(preset, given), today)
    if directory is not None:
        _place(spec, directory)
    plan = Blueprint(names, checked_challenge(spec), spec)
    problems = [line(found) for found in _ungenerable(plan)]
    if problems:
        raise SpecError("\n".join(problems))
    _require_callables(plan)
    return plan


def _place(spec: dict[str, Any], directory: Path) -> None:
    """Paths of feeds, meant from the author's spec, as the node's spec needs them."""
    sections = [spec]
    if isinstance(spec.get("reference_feed"), dict):
        spec["reference_feed"] = dict(spec["reference_feed"])
        sections.append(spec["reference_feed"])
    for section in sections:
        feed = section.get("feed")
        if isinstance(feed, dict) and isinstance(feed.get("path"), str) and feed["path"].strip():
            section["feed"] = {**feed, "path": str(directory.absolute() / feed["path"])}


def _ungenerable(plan: Blueprint) -> Iterator[Problem]:
    """What is a valid spec, and yet cannot become Python code of this workspace."""
    challenge, interface = plan.challenge, plan.challenge.model_interface
    if challenge.models_file.as_posix() != MODELS_FILE:
        written = f"must be {MODELS_FILE}: a new node gets one of its own; leave it out"
        yield Problem("models_file", str(challenge.models_file), written)
    if challenge.scoring is not None:
        written = (
            "a new challenge gets a scoring.py of its own; leave it out, and put it into spec.yaml "
            "afterwards, in place of SCORING_FUNCTION and INFERENCE_OUTPUT_VALIDATOR"
        )
        yield Problem("scoring", challenge.scoring.rule, written)
    yield from _base_class(plan)
    methods = {"predict_method": interface.predict_method, "tick_method": interface.tick_method}
    for field, method in methods.items():
        if method is not None and (_is_reserved(method) or method in TAKEN_METHODS):
            name = f"model_interface.{field}"
            yield Problem(name, method, "is a name that Python or the base class needs")
    if interface.tick_method == interface.predict_method:
        same = "the same as predict_method: a class has one method of a name"
        yield Problem("model_interface.tick_method", interface.tick_method, same)
    for method in ("predict", "tick"):
        yield from _parameters(f"{method}_facts", getattr(interface, f"{method}_parameters"))


def _base_class(plan: Blueprint) -> Iterator[Problem]:
    field, path = "model_base_classname", plan.challenge.model_base_classname
    *modules, name = path.split(".")
    if plan.foreign_package:
        yield from _foreign(field, path, modules)
    else:
        yield from _own(plan.names.package, field, path, modules)
    if _is_reserved(name) or name in TAKEN_CLASSES or name.startswith(("_", "test")):
        yield Problem(field, path, f"'{name}' is a name that Python needs otherwise")


def _own(package: str, field: str, path: str, modules: list[str]) -> Iterator[Problem]:
    *packages, module = modules
    name = path.rpartition(".")[2]
    if module == package or packages not in ([], [package]):
        wanted = f"must be in a module of the new package: {package}.<module>.{name}"
        yield Problem(field, path, wanted)
    if module in TAKEN_MODULES or keyword.iskeyword(module) or module.startswith("_"):
        yield Problem(field, path, f"'{module}' is a name that the new package needs otherwise")


def _foreign(field: str, path: str, modules: list[str]) -> Iterator[Problem]:
    if modules[0] == "coordinator_pipelines":
        wanted = "is in this project, which models do not have; name a class of the new package"
        yield Problem(field, path, wanted)
    if any(keyword.iskeyword(module) for module in modules):
        yield Problem(field, path, "has a word of Python's as a module")
    if path.endswith(f".{HELPER_CLASS}"):
        yield Problem(field, path, f"'{HELPER_CLASS}' is a name that the new package needs")


def _parameters(field: str, names: list[str]) -> Iterator[Problem]:
    for i, name in enumerate(names):
        if keyword.iskeyword(name) or name == "self" or name in names[:i]:
            wrong = "cannot be the name of a parameter here (a word of Python's, or there twice)"
            yield Problem(f"model_interface.{field}", name, wrong)


def _is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or hasattr(builtins, name)


def _require_callables(plan: Blueprint) -> None:
    """Import what is not generated: a challenge that cannot be loaded is not begun."""
    generated = generated_callables(plan.names)
    for key, path in plan.challenge.callables:
        if path is None or path == generated.get(key):
            continue
        try:
            load_callable(key, path)
        except CallableError as error:
            raise CallableError(f"callables.{error}{_hint(key, path, plan.names)}") from None


def _hint(key: str, path: str, names: Names) -> str:
    if not path.startswith((f"{names.package}.", f"{names.package}:")):
        return ""
    own = generated_callables(names).get(key)
    instead = f"its own is {own}" if own else "it has none for that key"
    return f" ({names.package} is about to be generated, and {instead}; add others afterwards)"
