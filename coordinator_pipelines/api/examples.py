"""Examples in the OpenAPI document: an answer of each route, as a challenge gave it once.

Add a route's answer to ``examples.json`` (a test holds it to the route's model); avoid making
answers up.
"""

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI


def install(app: FastAPI) -> None:
    """Let the app's OpenAPI document show the examples of the routes that it has."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        for path, example in examples().items():
            answers = document["paths"].get(path, {}).get("get", {}).get("responses", {})
            for content in answers.get("200", {}).get("content", {}).values():
                content["example"] = example
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def examples() -> dict[str, Any]:
    """Path -> an answer."""
    text = (files("coordinator_pipelines.api") / "examples.json").read_text("utf-8")
    told: dict[str, Any] = json.loads(text)
    return told
