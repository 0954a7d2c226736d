"""The OpenAPI document, where it says more than FastAPI finds by itself.

Add here what holds for all operations, and a route's answer to ``examples.json`` (as a challenge
gave it once; a test holds it to the route's model); avoid what belongs beside a single route.
"""

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

from coordinator_pipelines.api.http.problems import MEDIA_TYPE, SCHEMA_REFERENCE


def install(app: FastAPI) -> None:
    """Let the app's document show examples, the form of problems, and who needs no key."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        shown = examples()
        for path, methods in document["paths"].items():
            for operation in methods.values():
                _name_problems(operation["responses"])
                _ask_for_no_key(operation)
                _show(operation["responses"], shown.get(path))
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def examples() -> dict[str, Any]:
    """Path -> an answer."""
    text = (files("coordinator_pipelines.api") / "examples.json").read_text("utf-8")
    told: dict[str, Any] = json.loads(text)
    return told


def _name_problems(responses: dict[str, Any]) -> None:
    for answer in responses.values():
        content = answer.get("content", {})
        for kind in [kind for kind, told in content.items() if told["schema"] == SCHEMA_REFERENCE]:
            content[MEDIA_TYPE] = content.pop(kind)  # whatever the route answers otherwise


def _ask_for_no_key(operation: dict[str, Any]) -> None:
    """Open to everybody, unless a key may be of too low a tier; a key may be sent all the same."""
    if "security" in operation and "403" not in operation["responses"]:
        operation["security"] = [{}, *(one for one in operation["security"] if one)]


def _show(responses: dict[str, Any], example: Any) -> None:
    if example is not None:
        for content in responses.get("200", {}).get("content", {}).values():
            content["example"] = example
