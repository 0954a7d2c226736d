"""The OpenAPI document: examples that hold, models that allow nothing else."""

import pytest
from jsonschema_rs import validator_for

from coordinator_pipelines.api.document import examples


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def answer_of(document, path):
    return document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]


def test_every_answer_in_json_has_an_example_that_its_schema_accepts(document):
    for path, told in document["paths"].items():
        if path.startswith(("/reports/export", "/reports/schema/")):
            continue
        content = told["get"]["responses"]["200"]["content"]
        if "text/plain" in content:
            continue
        answer = content["application/json"]
        assert answer["example"] == examples()[path]
        schema = {**answer["schema"], "components": document["components"]}
        validator_for(schema).validate(answer["example"])


@pytest.mark.parametrize("path", ["/reports/leaderboard", "/reports/models/params"])
def test_an_answer_with_another_field_is_outside_its_schema(document, path):
    answer = answer_of(document, path)
    validator = validator_for({**answer["schema"], "components": document["components"]})
    (row,) = answer["example"]
    assert validator.is_valid([{**row, "score_other": None}])
    for wrong in ({"other": 1}, {"score_other": "1"}, {"performed_at": "2025-01-01T00:00:00Z"}):
        if "performed_at" in wrong and "performed_at" not in row:
            continue
        assert not validator.is_valid([{**row, **wrong}])


def test_every_operation_documents_its_problems(document):
    for told in document["paths"].values():
        assert {"400", "401", "422", "503"} <= told["get"]["responses"].keys()
