"""The files of a new workspace as texts: templates filled in from a blueprint.

Add a file to ``templates``, or to ``questions/<kind>`` if only one kind of question needs it (its
path is that of what it makes, with ``__public__`` and the like for names), and here what it needs
to know; avoid deciding anything about the challenge. Another kind of question is a directory beside
the others: a file there comes before the one of the same path in ``templates``, which take what
differs within a file from its ``fragments``.
"""

from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from coordinator_pipelines import __version__
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.scaffold.blueprint import Blueprint
from coordinator_pipelines.scaffold.completion import generated_callables
from coordinator_pipelines.scaffold.escaping import Literal, environment
from coordinator_pipelines.scaffold.presets import QUESTIONS
from coordinator_pipelines.scaffold.spec_writing import spec_text

TEMPLATES = Path(__file__).with_name("templates")
QUESTION_TEMPLATES = Path(__file__).with_name("questions")
EXAMPLES = "__public__/examples"
TEMPLATE_SUFFIX = ".j2"
DAGSTER_CONFIGURATION = {
    "dagster.yaml": ("dagster.yaml", "dagster.here.yaml"),
    "dagster.postgresql.yaml": ("dagster.yaml", "dagster.here.yaml", "dagster.postgresql.yaml"),
}
"""File of the node -> what of the engine's own configuration it is made of."""


def rendered(plan: Blueprint) -> dict[PurePosixPath, str]:
    """Path within the workspace -> text, for every file of it."""
    question = QUESTION_TEMPLATES / QUESTIONS[plan.spec["preset"]]
    roots = [question, TEMPLATES]
    facts = _facts(plan) | {"examples": sorted(p.name for p in (question / EXAMPLES).iterdir())}
    loader = jinja2.FileSystemLoader(roots)
    files = {}
    for name in _templates(roots):
        target = _target(name, plan)
        filled = environment(loader, target.suffix).get_template(name)
        files[target] = filled.render(facts)
    node = PurePosixPath(plan.names.node)
    files[node / "spec.yaml"] = spec_text(plan)
    files.update((node / name, text) for name, text in _dagster_files())
    return files


def _templates(roots: Iterable[Path]) -> list[str]:
    found = ((root, path) for root in roots for path in root.rglob(f"*{TEMPLATE_SUFFIX}"))
    return sorted({path.relative_to(root).as_posix() for root, path in found})


def _target(template: str, plan: Blueprint) -> PurePosixPath:
    names = plan.names
    path = template.removesuffix(TEMPLATE_SUFFIX)
    for word, name in (
        ("__public__", names.public),
        ("__node__", names.node),
        ("__package__", names.package),
        ("__base__", plan.base_module),
    ):
        path = path.replace(word, name)
    return PurePosixPath(path)


def _facts(plan: Blueprint) -> dict[str, Any]:
    """All that templates know."""
    challenge = plan.challenge
    interface = challenge.model_interface
    generated = generated_callables(plan.names)
    return {
        "slug": plan.names.slug,
        "public": plan.names.public,
        "package": plan.names.package,
        "node": plan.names.node,
        "challenge": challenge,
        "interface": interface,
        "base_module": plan.base_module,
        "base_class": plan.base_class,
        **_inheritance(plan),
        "configs": challenge.configs,
        "questions": [
            (config.asset, config.scope_template.horizon) for config in challenge.configs
        ],
        "metrics": [_metric(challenge, name) for name in _metric_names(challenge)],
        "elsewhere": {
            key: path for key, path in challenge.callables if path and path != generated.get(key)
        },
        "predict_parameters": _parameters(interface.predict_parameters),
        "tick_parameters": _parameters(interface.tick_parameters),
        "tick_keywords": {**interface.tick_facts, **interface.tick_constants},
        "calls": [_call(challenge, config) for config in challenge.configs],
        "asset": _in_predict(challenge, "asset"),
        "horizon": _in_predict(challenge, "horizon"),
        "input_parameter": _parameter_of(challenge, "input"),
        "version": __version__,
    }


def _inheritance(plan: Blueprint) -> dict[str, Any]:
    """What a model inherits from, and how it gets at that."""
    own = f"{plan.names.package}.{plan.base_module}", plan.base_class
    if plan.foreign_package is None:
        return {
            "base_path": ".".join(own),
            "bases": own[1],
            "base_imports": [_import(*own)],
            "foreign_package": None,
        }
    path = plan.challenge.model_base_classname
    module, _, name = path.rpartition(".")
    return {
        "base_path": Literal(path),
        "bases": Literal(f"{own[1]}, {name}"),
        "base_imports": [_import(*each) for each in sorted([own, (module, name)])],
        "foreign_package": plan.foreign_package,
    }


def _import(module: str, name: str) -> Literal:
    return Literal(f"from {module} import {name}")


def _metric_names(challenge: Challenge) -> list[str]:
    """The metrics by what ranks first."""
    ranking = challenge.ranking
    first = [ranking.key, *ranking.tie_breakers]
    return [*first, *(m.name for m in challenge.metrics if m.name not in first)]


def _metric(challenge: Challenge, name: str) -> dict[str, Any]:
    metric = challenge.metric(name)
    hours = challenge.trailing_windows_hours[metric.window]
    return {"name": name, "statistic": metric.statistic, "hours": hours}


def _parameters(names: Iterable[str]) -> Literal:
    """Parameters after ``self``; they are Python names, which the spec has made sure of."""
    return Literal("".join(f", {name}: Any" for name in names))


def _call(challenge: Challenge, config: ScheduledPredictionConfig) -> Literal:
    """The arguments of an example ``predict``, as the spec says that they are passed."""
    interface = challenge.model_interface
    given = []
    for parameter, source in interface.predict_arguments.items():
        value = repr(config.scope.get(source)) if source != "input" else "told"
        given.append(f"{parameter}={value}" if interface.predict_by == "keyword" else value)
    others = {**interface.predict_facts, **interface.predict_constants}
    given += [f"{parameter}={value!r}" for parameter, value in others.items()]
    return Literal(", ".join(given))


def _in_predict(challenge: Challenge, field: str) -> Literal:
    """A field of the scope as an expression within ``predict``: what it is given, or a constant."""
    given = _parameter_of(challenge, field)
    return Literal(repr(challenge.configs[0].scope[field]) if given is None else given)


def _parameter_of(challenge: Challenge, source: str) -> str | None:
    """The parameter of ``predict`` that gets a field of the scope, or the input."""
    arguments = challenge.model_interface.predict_arguments.items()
    return next((parameter for parameter, given in arguments if given == source), None)


def _dagster_files() -> Iterator[tuple[str, str]]:
    directory = resources.files("coordinator_pipelines.stack.instance") / "templates"
    for name, parts in DAGSTER_CONFIGURATION.items():
        yield name, "".join((directory / part).read_text(encoding="utf-8") for part in parts)
