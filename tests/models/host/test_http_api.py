"""What the existing web front end reads of models and their logs, request by request."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.models import Member
from coordinator_pipelines.models.host import http_api
from coordinator_pipelines.models.host.deployment import Setting
from coordinator_pipelines.models.host.hosted_model import HostedModel
from coordinator_pipelines.models.host.http_api import LOG_TAIL_BYTES, HttpApi
from coordinator_pipelines.models.isolation import Tier
from coordinator_pipelines.models.model_environments import ModelEnvironments
from coordinator_pipelines.models.runner_environment import RunnerEnvironment

READ_BY_THE_FRONT_END = {
    "id", "model_name", "deployment_id", "desired_state", "status", "statusMessage", "crunch_id",
    "cruncher_id", "cruncher_name", "builder_log_uri", "runner_log_uri",
}  # fmt: skip
STATUSES_THAT_IT_KNOWS = {
    "RUNNER_INITIALIZING", "RUNNER_RUNNING", "RUNNER_STOPPING", "RUNNER_STOPPED", "RUNNER_FAILED",
    "BUILDER_BUILDING", "BUILDER_FAILED", "BUILDER_SUCCESS", "CREATED",
}  # fmt: skip
# As its page asks: what the answer to the list named, with these two added.
FOLLOWING = "?follow=false&from_start=true"


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes
    headers: dict[str, str]

    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Listing:
    """A served list of models, and the models."""

    models: dict[str, HostedModel]
    port: int
    loop: asyncio.AbstractEventLoop

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body)
        answer = connection.getresponse()
        kind = answer.headers.get_content_type()
        told = Answer(answer.status, kind, answer.read(), dict(answer.headers))
        connection.close()
        return told


@pytest.fixture
def listing(tmp_path: Path) -> Iterator[Listing]:
    runner = RunnerEnvironment(tmp_path / "python", (), tmp_path / "packages")
    environments = ModelEnvironments(runner, tmp_path / "environments")
    setting = Setting(Tier.TRUSTED, environments, tmp_path, "tracker.TrackerBase", 1.0, 1 << 30)
    models = {
        model_id: HostedModel(
            Member(model_id, model_id.title(), "alice", "c-alice", "0" * 8, None),
            tmp_path, setting, tmp_path, lambda *_: None,
        )
        for model_id in ("momentum", "model.2-b")
    }  # fmt: skip
    loop = asyncio.new_event_loop()
    api = HttpApi(("127.0.0.1", 0), "starter-challenge", models, loop)
    with api:
        threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield Listing(models, api.server_address[1], loop)
        finally:
            api.shutdown()
            loop.close()


def test_a_host_whose_loop_is_stuck_is_not_alive_though_its_list_is_served(listing, monkeypatch):
    monkeypatch.setattr(http_api, "ALIVE_SECONDS", 0.1)
    assert (listing.ask("/alive").status, listing.ask("/models").status) == (503, 200)
    thread = threading.Thread(target=listing.loop.run_forever)
    thread.start()
    try:
        assert listing.ask("/alive").status == 200
    finally:
        listing.loop.call_soon_threadsafe(listing.loop.stop)
        thread.join()


def test_the_list_is_a_bare_array_with_every_field_that_is_read(listing):
    answer = listing.ask("/models")
    assert (answer.status, answer.kind) == (200, "application/json")
    assert [row["id"] for row in answer.json()] == ["momentum", "model.2-b"]
    for row in answer.json():
        assert set(row) == READ_BY_THE_FRONT_END
        assert row["status"] in STATUSES_THAT_IT_KNOWS
        assert row["desired_state"] in ("RUNNING", "STOPPED")
        for name in ("id", "model_name", "cruncher_name", "cruncher_id", "crunch_id"):
            assert isinstance(row[name], str)
            assert row[name]
        assert (row["cruncher_id"], row["cruncher_name"]) == ("c-alice", "alice")


def test_an_owner_is_announced_as_listed_by_account_and_by_name(listing):
    infos = listing.models["momentum"].infos()
    assert (infos["cruncher_id"], infos["cruncher_name"]) == ("c-alice", "alice")
    assert infos["cruncher_wallet_pubkey"] == "c-alice"


def test_there_is_a_list_also_without_models(listing):
    listing.models.clear()
    assert listing.ask("/models").json() == []


def test_a_model_that_was_given_up_is_shown_as_stopped_with_the_reason(listing):
    listing.models["momentum"].status = "RUNNER_STOPPED"
    listing.models["momentum"].message = "MULTIPLE_FAILED"
    rows = {row["id"]: row for row in listing.ask("/models").json()}
    assert rows["momentum"]["desired_state"] == "STOPPED"
    assert rows["momentum"]["statusMessage"] == "MULTIPLE_FAILED"
    assert rows["model.2-b"]["desired_state"] == "RUNNING"


def test_the_log_that_a_row_names_is_served_at_the_address_that_was_asked(listing):
    for model_id, model in listing.models.items():
        model.log_path.write_text(f"ValueError in {model_id}: é\n")
    for row in listing.ask("/models").json():
        base = f"http://127.0.0.1:{listing.port}"
        assert row["runner_log_uri"].startswith(f"{base}/models/logs/runner/")
        answer = listing.ask(row["runner_log_uri"].removeprefix(base) + FOLLOWING)
        assert (answer.status, answer.kind) == (200, "text/plain")
        assert answer.body.decode() == f"ValueError in {row['id']}: é\n"
        assert row["builder_log_uri"] is None  # nothing is built: the page offers no such log


def test_a_log_that_is_not_there_yet_is_empty(listing):
    listing.models["momentum"].log_path.unlink(missing_ok=True)
    answer = listing.ask(f"/models/logs/runner/momentum{FOLLOWING}")
    assert (answer.status, answer.body) == (200, b"")


def test_a_long_log_is_told_from_a_whole_line_on(listing):
    line = "é" * 40 + "\n"
    listing.models["momentum"].log_path.write_text(line * (LOG_TAIL_BYTES // 40))
    body = listing.ask("/models/logs/runner/momentum").body
    assert LOG_TAIL_BYTES - len(line.encode()) <= len(body) <= LOG_TAIL_BYTES
    assert set(body.decode().splitlines(keepends=True)) == {line}


def test_a_log_without_lines_is_told_too(listing):
    listing.models["momentum"].log_path.write_text("x" * (LOG_TAIL_BYTES + 1))
    assert listing.ask("/models/logs/runner/momentum").body == b"x" * LOG_TAIL_BYTES


@pytest.mark.parametrize(
    "path", ["/models/", "/models/logs/runner/nobody", "/models/logs/builder/momentum", "/", "/x"]
)
def test_what_is_not_there_is_a_404_with_a_message(listing, path):
    answer = listing.ask(path)
    assert (answer.status, answer.kind) == (404, "application/json")
    assert answer.json()["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/models"), ("PATCH", "/models/momentum")])
def test_a_submission_from_the_page_is_refused_and_says_where_models_come_from(
    listing, method, path
):
    answer = listing.ask(path, method, b"--x\r\n" + b"0" * 3_000_000)
    assert (answer.status, answer.kind) == (405, "application/json")
    assert answer.headers["Allow"] == "GET"
    assert "models.yaml" in answer.json()["message"]


def test_no_page_of_another_origin_may_read_it(listing):
    for path in ("/models", "/models/logs/runner/momentum"):
        assert "Access-Control-Allow-Origin" not in listing.ask(path).headers
