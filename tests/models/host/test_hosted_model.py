"""One model over its deployments, in what no real one can be made to bring about."""

import asyncio
from pathlib import Path

from coordinator_pipelines.domain.doors.models import Member
from coordinator_pipelines.models.host.deployment import Setting
from coordinator_pipelines.models.host.hosted_model import HostedModel
from coordinator_pipelines.models.isolation import Tier
from coordinator_pipelines.models.model_environments import ModelEnvironments
from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.runner_environment import RunnerEnvironment


class Broken(ModelEnvironments):
    """Environments of a host that has a fault of its own."""

    async def of(self, code: Path, log: Log) -> RunnerEnvironment:
        raise RuntimeError(f"a password, of {code} and {log}")


def test_a_fault_of_the_host_is_told_of_the_model_and_it_is_tried_again(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/main.py").touch()
    environments = Broken(RunnerEnvironment(tmp_path, (), tmp_path), tmp_path / "environments")
    setting = Setting(Tier.TRUSTED, environments, tmp_path / "run", "x.Base", 1.0, 1 << 30)
    member = Member("a", "A", "alice", "c-alice", "0", None)
    model = HostedModel(member, tmp_path / "model", setting, tmp_path, lambda *_: None)

    async def live() -> None:
        model.begin()
        while model.message is None:
            await asyncio.sleep(0.01)
        await model.end()

    asyncio.run(asyncio.wait_for(live(), 20))
    assert model.status == "RUNNER_FAILED"
    assert model.message == "it cannot be started: RuntimeError"
    said = model.log_path.read_text()
    assert "not started, restarting in 1 s: it cannot be started: RuntimeError" in said
    assert "password" not in said
