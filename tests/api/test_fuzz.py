"""Whatever is asked, the answer is one that the OpenAPI document describes, and never a 500."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import ApiClient, Filled, serving
from tests.support.databases import empty_sqlite

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PATHS = (
    "/healthz", "/info", "/reports/leaderboard", "/reports/leaderboard/diff", "/reports/compare",
    "/reports/calibration", "/reports/models", "/reports/diversity",
    "/reports/models/{model_id}/diversity", "/reports/models/global", "/reports/models/params",
    "/reports/snapshots", "/signals/ensemble", "/signals/ensemble/{name}",
    "/signals/ensemble/{name}/history", "/reports/ensemble/history", "/reports/predictions",
    "/reports/feeds", "/reports/feeds/tail", "/reports/checkpoints",
    "/reports/checkpoints/rewards", "/reports/checkpoints/{checkpoint_id}/payload",
    "/reports/checkpoints/{checkpoint_id}", "/reports/checkpoints/{checkpoint_id}/explain",
    "/reports/checkpoints/{checkpoint_id}/emission",
    "/reports/checkpoints/{checkpoint_id}/emission/cli-format",
    "/reports/checkpoints/{checkpoint_id}/prizes", "/reports/emissions/latest",
    "/reports/revisions", "/reports/revisions/{revision_id}", "/reports/seasons",
    "/reports/schema", "/reports/schema/leaderboard-columns", "/reports/schema/metrics-widgets",
    "/reports/explain", "/reports/evidence/head", "/reports/evidence/checkpoint",
    "/reports/evidence/heads", "/reports/evidence/entries", "/reports/evidence/inclusion",
    "/reports/evidence/consistency", "/reports/evidence/openings", "/reports/evidence/verifier",
    "/reports/export/predictions", "/reports/export/scores",
)  # fmt: skip
WITHOUT_PARAMETERS = {
    "/healthz", "/info", "/reports/feeds", "/reports/schema", "/reports/seasons",
    "/reports/schema/leaderboard-columns", "/reports/schema/metrics-widgets",
    "/reports/evidence/head", "/reports/evidence/checkpoint", "/reports/evidence/verifier",
}  # fmt: skip
"""Of these, no request is wrong by the document: there is nothing to get wrong."""
IN_PATH = {"checkpoint_id": "latest", "revision_id": "latest", "model_id": "half", "name": "mean"}
LIKELY = {
    "total_prize": st.sampled_from(["1", "1000"]),
    "status": st.sampled_from(["PENDING", "PAID"]),
    "projectIds": st.sampled_from(["half", "half,shy", "nobody", ""]),
    "start": st.sampled_from(["2025-01-01T02:00:00Z", "2025-01-01T02:00:00.000+02:00"]),
    "end": st.sampled_from(["2025-01-01T02:31:00Z", "2025-01-01T09:00:00.000Z"]),
    "as_of": st.sampled_from(["2025-01-01T02:31:00Z", "2025-01-01T00:00:00Z"]),
    "model": st.sampled_from(["half", "broken", "nobody"]),
    "round": st.sampled_from(["2025-01-01T02:06:00Z", "2025-01-01T02:06:01Z"]),
    "mode": st.sampled_from(["live", "replay"]),
    "config": st.sampled_from(["btc-1m", "nobody"]),
    "positions": st.sampled_from(["0", "0,1,2", "999"]),
    "first": st.sampled_from([1, 3]),
    "second": st.sampled_from([2, 5]),
}
"""What is really there: a fuzzer does not find a model's name by itself."""
ASKED_FOR = ("model", "round", "total_prize", "config", "positions", "first", "second")
"""Parameters that some route cannot do without."""
FUZZ = settings(
    max_examples=25,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=["filled", "empty"])
def api(
    request: pytest.FixtureRequest, filled: Filled, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiClient]:
    """The API on both databases in turn."""
    url = filled.url
    if request.param == "empty":
        url = empty_sqlite(tmp_path_factory.mktemp("empty") / "ledger.db")
    with serving(filled.challenge, url) as client:
        yield client


@cache
def operations(api: ApiClient) -> Any:
    """What can be asked, by path and method."""
    return schemathesis.openapi.from_dict(api.app.openapi())


def check(api: ApiClient, case: schemathesis.Case) -> None:
    """Ask, and hold the answer to the document."""
    arguments = case.as_transport_kwargs(base_url="http://api")
    arguments.pop("timeout", None)
    prepared = requests.Request(
        arguments["method"],
        arguments["url"],
        params=arguments.get("params"),
        headers={name: str(value) for name, value in (arguments.get("headers") or {}).items()},
    ).prepare()
    answer = api.request(prepared.method or "GET", prepared.url or "")
    case.validate_response(Response.from_httpx(answer, verify=False), checks=CHECKS)


def test_every_path_is_tried(api):
    assert tuple(api.app.openapi()["paths"]) == PATHS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "mode"),
    [(path, GenerationMode.POSITIVE) for path in PATHS]
    + [(path, GenerationMode.NEGATIVE) for path in PATHS if path not in WITHOUT_PARAMETERS],
)
def test_any_request_is_answered_as_documented(api, path, mode):
    operation = operations(api)[path]["GET"]

    @FUZZ
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        check(api, case)

    ask()


@pytest.mark.parametrize("path", PATHS)
def test_a_sensible_request_is_answered_as_documented(api, path):
    operation = operations(api)[path]["GET"]
    names = [one["name"] for one in api.app.openapi()["paths"][path]["get"].get("parameters", [])]
    known = {name: values for name, values in LIKELY.items() if name in names}
    always = {name: known.pop(name) for name in ASKED_FOR if name in known}

    @settings(FUZZ, max_examples=5)
    @given(query=st.fixed_dictionaries(always, optional=known))
    def ask(query):
        check(api, operation.Case(query=query, path_parameters=IN_PATH if "{" in path else {}))

    ask()
