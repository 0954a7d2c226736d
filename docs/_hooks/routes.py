"""Completes docs/report-api-reference.md from the OpenAPI document, and serves that as a file.

Add here what is told of a route; avoid what routes are for: that is docs/report-api.md.
"""

import json
from contextlib import closing
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File

from coordinator_pipelines.api.app import create_app
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.resources.clock import SystemClock
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger

PAGE, MARK = "report-api-reference.md", "<!-- routes -->"


def on_files(files, config, **_):
    """All files, and the OpenAPI document beside the pages."""
    text = json.dumps(document(), indent=1)
    files.append(File.generated(config, "openapi.json", content=text))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """The page with the routes."""
    return markdown.replace(MARK, routes()) if page.file.src_uri == PAGE else markdown


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of the starter, on a database that holds nothing."""
    with TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/empty.db"
        schema.upgrade(url)
        with closing(SqlLedger(url)) as ledger:
            return create_app(load_challenge(starter_spec()), ledger, SystemClock()).openapi()


def routes() -> str:
    """A section for each route."""
    link = "The document itself: <a href='../openapi.json'>openapi.json</a>.\n\n"
    return link + "\n".join(
        _route(path, method, told)
        for path, methods in document()["paths"].items()
        for method, told in methods.items()
    )


def _route(path: str, method: str, told: dict[str, Any]) -> str:
    parts = [f"## `{path}`\n", f"`{method.upper()}`: {told.get('description', told['summary'])}\n"]
    parts += _parameters(told.get("parameters", []))
    content = told["responses"]["200"].get("content", {})
    for kind, answer in content.items():
        parts += _fields(kind, answer.get("schema", {}))
        parts += _example(answer)
    others = [f"{code}: {each['description']}" for code, each in told["responses"].items()]
    parts.append("Statuses: " + "; ".join(others) + ".\n")
    return "\n".join(parts)


def _parameters(told: list[dict[str, Any]]) -> list[str]:
    if not told:
        return []
    rows = [
        f"| `{one['name']}` | {_type(one['schema'])} | {_cell(one.get('description', ''))} |"
        for one in told
    ]
    return ["| parameter | type | meaning |", "|---|---|---|", *rows, ""]


def _fields(kind: str, told: dict[str, Any]) -> list[str]:
    said = f"Answers `{kind}`"
    whole = _resolved(told)
    inner = _resolved(whole.get("items", whole))
    if "properties" not in inner:
        return [f"{said}.\n"]
    said += ", an array; in each row:\n" if "items" in whole else ":\n"
    rows = [
        f"| `{name}` | {_type(field)} | {_cell(field.get('description', ''))} |"
        for name, field in inner["properties"].items()
    ]
    return [said, "| field | type | meaning |", "|---|---|---|", *rows, ""]


def _example(answer: dict[str, Any]) -> list[str]:
    if not isinstance(answer.get("example"), (dict, list)):
        return []
    text = json.dumps(answer["example"], indent=1)
    head = '<details markdown="1"><summary>Example</summary>'
    return [head, "", "```json", text, "```", "", "</details>", ""]


def _resolved(told: dict[str, Any]) -> dict[str, Any]:
    name = told.get("$ref", "").rpartition("/")[2]
    return document()["components"]["schemas"][name] if name else told


def _type(told: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in told:
        inner = _resolved(told)
        return " or ".join(f"`{one}`" for one in inner["enum"]) if "enum" in inner else "object"
    if options := told.get("anyOf"):
        return " or ".join(dict.fromkeys(map(_type, options)))
    if values := told.get("enum", [told["const"]] if "const" in told else []):
        return " or ".join(f"`{one}`" for one in values)
    if told.get("type") == "array":
        return f"array of {_type(told.get('items', {}))}"
    return {"date-time": "instant"}.get(told.get("format", ""), told.get("type", "any JSON"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
