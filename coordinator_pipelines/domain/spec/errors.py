"""A refused spec in plain words: one line per problem, with the field's full path and the value.

Add a sentence here when a kind of problem reads badly; avoid deciding what is a problem (the
spec's models and ``rules`` do).
"""

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from coordinator_pipelines.domain.spec.call_shape import NO_SCORES
from coordinator_pipelines.domain.spec.feed import PROVIDERS
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.prediction_config import SCHEDULE_KINDS
from coordinator_pipelines.domain.values.json_value import path_text

_SENTENCES = {
    "extra_forbidden": "unknown field; remove it or correct its name",
    "missing": "missing; it must be given",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text; put it in quotes if it looks like a number, a date, yes or no",
    "greater_than": "must be greater than {gt}",
    "less_than": "must be less than {lt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "model_type": "must be a section with fields of its own",
    "dict_type": "must be a section with fields of its own",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
    "union_tag_not_found": "missing; it must be given",
    "union_tag_invalid": "must be one of {expected_tags}",
}
_UNKNOWN = {
    "sequential": "no challenge keeps what models remember from window to window: a window's "
    "predictions do not depend on what was replayed before it. Give a longer warm_up_seconds, "
    "record by record (model_interface.tick_per), or a longer batch_window",
    "performance_metrics": f"unknown field; {NO_SCORES}. A method that must be given something is "
    "given a fixed value, under model_interface.tick_constants",
}
"""Fields that packages of other systems need, by name, and why they are refused."""
_FINEST = "; whole seconds are the finest, and what comes faster is told together"
_LONGEST_VALUE = 80


def explain(error: ValidationError) -> str:
    """A validation error as one line per problem: field, what is wrong, the value."""
    items = error.errors(include_url=False)
    problems = (
        found for item in items if not _only_follows(item, items) for found in _problems(item)
    )
    return listed(problems)


def listed(problems: Iterable[Problem]) -> str:
    """Problems as text: a line each, the same one once."""
    return "\n".join(dict.fromkeys(map(line, problems)))


def line(found: Problem) -> str:
    """One problem as a line of text; the value is left out where there is none."""
    value = "" if found.value is None else f" (value {_shown(found.value)})"
    return f"{found.field or 'the spec'}: {found.message}{value}"


def _problems(item: Any) -> Iterator[Problem]:
    field, context, kind = _field(item["loc"]), item.get("ctx", {}), item["type"]
    if kind == "spec":
        for found in context["problems"]:
            name = ".".join(part for part in (field, found.field) if part)
            yield Problem(name, found.value, found.message)
        return
    absent = kind in ("missing", "union_tag_not_found")
    value = None if absent else item["input"]
    if kind.startswith("union_tag"):
        field = f"{field}.{context['discriminator'].strip(chr(39))}"
        value = context.get("tag")
    sentence = _SENTENCES.get(kind, item["msg"]).format(**context)
    if kind == "extra_forbidden":
        sentence = _UNKNOWN.get(str(item["loc"][-1]), sentence)
    elif kind == "int_type" and field.endswith("_seconds") and isinstance(value, float):
        sentence += _FINEST
    null = value is None and not absent
    yield Problem(field, value, f"{sentence} (value null)" if null else sentence)


def _only_follows(item: Any, items: Sequence[Any]) -> bool:
    """Whether a list counts as too short just because what it holds was refused."""
    loc = item["loc"]
    return item["type"] == "too_short" and any(
        other["loc"][: len(loc)] == loc and other is not item for other in items
    )


def _field(loc: tuple[int | str, ...]) -> str:
    """The path as it is written in the spec, without what the validator adds to it."""
    steps = list(loc)
    if steps and steps[-1] == "[key]":
        steps.pop()
    for i in (1, 2):  # ``feed`` and ``reference_feed.feed``
        if len(steps) > i and steps[i - 1] == "feed" and steps[i] in PROVIDERS:
            del steps[i]  # the provider's branch is no field
    for i in range(1, len(steps)):
        if steps[i - 1] == "schedule" and steps[i] in SCHEDULE_KINDS:
            del steps[i]  # neither is that of the kind of schedule
            break
    return path_text(steps)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = _LONGEST_VALUE
    text = short.repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
