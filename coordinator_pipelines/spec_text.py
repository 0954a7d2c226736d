"""Spec texts, JSON and YAML, read more strictly than their libraries do.

Add here what makes a text ambiguous; avoid what a spec means (``domain.spec.challenge``) and files
(``spec_file``). YAML is read as the subset that says what JSON says: no aliases, tags, dates
or octal numbers, so that both syntaxes mean the same and nothing is guessed.
"""

import json
import re
from typing import Any

import yaml

from coordinator_pipelines.domain.values.errors import SpecError

_TAG = "tag:yaml.org,2002:"
_RESOLVERS = (
    ("bool", r"(?i:yes|no|true|false|on|off)", "yYnNtTfFoO"),
    ("null", r"(?i:null)|~|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?|\.(?:inf|nan))",
        "-+.0123456789",
    ),
)  # fmt: skip
_JSON_TOKEN = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|(?P<bracket>[{}\[\]])')


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        SpecError: it is no JSON (line and column), or an object has a key twice (key and line).
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise SpecError("it is nested too deeply") from None
    except ValueError as error:
        raise SpecError(f"it cannot be read: {error}") from None
    _refuse_repeated_keys(text)
    return value


def parse_yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        SpecError: it is no YAML, or more than JSON could say (line and column), or a mapping
            has a key twice (key and line).
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SpecError(f"{where}{error.problem or error.context}") from None
    except RecursionError:
        raise SpecError("it is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"it cannot be read: {' '.join(str(error).split())}") from None


def to_yaml(value: Any) -> str:
    """A YAML text that :func:`parse_yaml` reads as the same JSON value."""
    return yaml.dump(value, Dumper=_PlainDumper, sort_keys=False, default_flow_style=False)


class _StrictLoader(yaml.SafeLoader):
    """The safe loader without aliases, tags and what YAML 1.1 guesses of plain words."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (the library's own declaration)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, unless it is an alias or carries a tag or an anchor."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in the stubs
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refusal("anchors and aliases are not read here; write the value out", event)
        if getattr(event, "tag", None):
            raise _refusal(f"the tag {event.tag} is not read here", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are texts, each once."""
        seen = set()
        for key, _ in node.value:
            if key.tag != f"{_TAG}str":
                shown = f"the key {key.value}" if isinstance(key, yaml.ScalarNode) else "a key"
                raise _refusal(f"{shown} is not text; put it in quotes", key)
            if key.value in seen:
                raise _refusal(f"the key '{key.value}' is used twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _PlainDumper(yaml.SafeDumper):
    """The safe dumper that quotes what the strict loader would not read as text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (the library's own declaration)


for _name, _pattern, _first in _RESOLVERS:
    for _class in (_StrictLoader, _PlainDumper):
        _class.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$"), list(_first))


def _refusal(message: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=where.start_mark)


def _refuse_repeated_keys(text: str) -> None:
    """The standard parser keeps the last of two; ``text`` is valid JSON."""
    objects: list[set[str]] = []
    for token in _JSON_TOKEN.finditer(text):
        if token["bracket"] in ("{", "["):
            objects.append(set())
        elif token["bracket"]:
            objects.pop()
        elif token["key"]:
            key = json.loads(token["key"])
            if key in objects[-1]:
                line = text.count("\n", 0, token.start()) + 1
                raise SpecError(f"line {line}: the key {token['key']} is used twice")
            objects[-1].add(key)
