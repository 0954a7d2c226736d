"""How a run gets at live models: settings that cannot be used, and nothing opened too early."""

import socket

import dagster as dg
import pytest

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.doors.models import LiveModels
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.resources.models import LiveModelsResource
from coordinator_pipelines.spec_file import load_challenge
from tests.models.live.conftest import ScriptedOrchestrator, announcement, eventually

HERE = settings.ModelNode("127.0.0.1", 9091, None)
VARIABLES = (
    "MODEL_RUNNER_NODE_HOST", "MODEL_RUNNER_NODE_PORT", "MODEL_RUNNER_SECURE_DIR",
    "MODEL_RUNNER_NODE_PORT_BTC_UP_DOWN",
)  # fmt: skip


@pytest.fixture
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def created():
    resource = LiveModelsResource(challenge=load_challenge(starter_spec()))
    return resource.create_resource(dg.build_init_resource_context())


def test_without_settings_models_are_announced_on_this_machine(environment):
    environment.setenv("MODEL_RUNNER_NODE_HOST", "")
    assert settings.model_node("btc-up-down") == HERE


def test_each_of_several_challenges_has_models_of_its_own(environment):
    environment.setenv("MODEL_RUNNER_NODE_PORT", "9100")
    environment.setenv("MODEL_RUNNER_NODE_PORT_BTC_UP_DOWN", "9101")
    assert settings.model_node("btc-up-down").port == 9101
    assert settings.model_node("eth-up-down").port == 9100
    environment.setenv("MODEL_RUNNER_NODE_PORT_BTC_UP_DOWN", "x")
    with pytest.raises(CoordinatorError, match="MODEL_RUNNER_NODE_PORT_BTC_UP_DOWN is 'x'"):
        created()


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "9091.0", "٣"])
def test_a_port_that_is_none_is_named_with_its_variable(environment, port):
    environment.setenv("MODEL_RUNNER_NODE_PORT", port)
    with pytest.raises(CoordinatorError, match=f"MODEL_RUNNER_NODE_PORT is '{port}'"):
        created()


def test_a_missing_file_of_the_secure_directory_is_named(environment, tmp_path):
    (tmp_path / "ca.crt").touch()
    environment.setenv("MODEL_RUNNER_SECURE_DIR", str(tmp_path))
    with pytest.raises(CoordinatorError) as caught:
        created()
    assert f"MODEL_RUNNER_SECURE_DIR is '{tmp_path}'" in str(caught.value)
    assert "tls.crt, tls.key cannot be found" in str(caught.value)


def test_certificates_that_are_none_are_named(environment, tmp_path):
    for name in settings.SECURE_FILES:
        (tmp_path / name).write_text("nonsense")
    environment.setenv("MODEL_RUNNER_SECURE_DIR", str(tmp_path))
    with pytest.raises(CoordinatorError, match=r"MODEL_RUNNER_SECURE_DIR is .* cannot be used"):
        created()


def test_nothing_is_opened_until_the_models_are_entered(environment, stage):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        environment.setenv("MODEL_RUNNER_NODE_PORT", str(listener.getsockname()[1]))
        models = created()
        assert isinstance(models, LiveModels)
        with pytest.raises(BlockingIOError):
            listener.accept()
    model = stage.model("model")
    orchestrator = ScriptedOrchestrator(model)
    environment.setenv("MODEL_RUNNER_NODE_PORT", str(orchestrator.port))
    with created() as models:
        assert eventually(models.members)[0].code_hash == announcement(model)["deployment_id"]
    orchestrator.close()
