"""The host itself: the models of a roster run, and are announced, until it is told to stop.

Add here the life of the host; avoid what belongs to one model (``hosted_model``).
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coordinator_pipelines import private
from coordinator_pipelines.domain.doors.models import Member
from coordinator_pipelines.domain.values.errors import CoordinatorError, RosterError
from coordinator_pipelines.models.base_class import base_class
from coordinator_pipelines.models.cgroups import CgroupError, Cgroups
from coordinator_pipelines.models.host.announcer import Announcer
from coordinator_pipelines.models.host.deployment import Setting
from coordinator_pipelines.models.host.gateway import Gateway
from coordinator_pipelines.models.host.hosted_model import HostedModel
from coordinator_pipelines.models.host.http_api import HttpApi
from coordinator_pipelines.models.host.limits import told
from coordinator_pipelines.models.host.usage import processes_below
from coordinator_pipelines.models.isolation import Tier, strongest_tier
from coordinator_pipelines.models.model_environments import ModelEnvironments
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.models.run_directory import let_all_read, run_directory
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.models.shared_modules import lay_out

logger = logging.getLogger(__name__)

ROSTER_SECONDS = 1.0
THREADS = 64
"""At work on files at once: a model whose disk hangs must not keep the others waiting."""
READY = "Model host ready: "
"""How the line begins that says where the host can be reached."""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host runs and where it can be reached."""

    crunch_id: str
    base_class: str
    """As in the spec."""
    own_package: str
    """The challenge's public package, as it is imported."""
    models_file: Path
    log_dir: Path
    environments_dir: Path
    """Where environments with the packages that models ask for are kept."""
    setup_seconds: float
    memory_bytes: int
    address: str
    port: int
    api_port: int
    reached_at: str | None = None
    """The name or address by which clients on other machines reach this one; None: there are none,
    and models are announced at sockets."""
    model_ports: range = range(0)
    """The ports at which those find models."""

    def gateway(self) -> Gateway | None:
        """What leads clients elsewhere to the models, if there are any."""
        if self.reached_at is None:
            return None
        return Gateway(self.reached_at, self.address, self.model_ports)


class ModelHost:
    """Runs the models that are members now. ``say``: takes what the user should see."""

    def __init__(
        self, config: HostConfig, runner: RunnerEnvironment, say: Callable[[str], None]
    ) -> None:
        self._config = config
        self._runner = runner
        self._say = say
        self._models: dict[str, HostedModel] = {}
        self._announcer = Announcer(config.crunch_id, self._models)

    async def run(self) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP.

        Raises:
            CoordinatorError: the models file or a port cannot be used.
        """
        config = self._config
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        roster = await asyncio.to_thread(Roster.load, config.models_file)
        with run_directory() as root, ExitStack() as stack:
            shared, packages = roster.supplies.shared_modules, roster.supplies.requirements
            environments = ModelEnvironments(self._runner, config.environments_dir, packages)
            lay_out(shared, config.base_class, config.own_package, root / "shared")
            let_all_read(root / "shared")
            async with self._announced() as port, self._listed() as api_port:
                tier = await asyncio.to_thread(strongest_tier, environments.all, root)
                self._say(f"Models run {tier.value}")
                cgroups = stack.enter_context(self._limited(tier))
                self._say(
                    f"{READY}announcing at ws://{config.address}:{port}/{config.crunch_id}, "
                    f"list and logs at http://{config.address}:{api_port}/models"
                )
                setting = Setting(
                    tier, environments, root, base_class(config.base_class, shared),
                    config.setup_seconds, config.memory_bytes, cgroups, config.gateway(),
                )  # fmt: skip
                await self._run_models(setting, stop)

    @contextmanager
    def _limited(self, tier: Tier) -> Iterator[Cgroups | None]:
        """Limits that the kernel holds, where it does; what each model is held to is said."""
        found, reason = None, None
        try:
            found = Cgroups()
        except CgroupError as error:
            reason = str(error)
        for line in told(tier, self._config.memory_bytes, reason):
            self._say(line)
        try:
            yield found
        finally:
            if found is not None:
                found.close()

    @asynccontextmanager
    async def _announced(self) -> AsyncIterator[int]:
        """The websocket, open at the port that is given."""
        config = self._config
        try:
            port = await self._announcer.open(config.address, config.port)
        except OSError as error:
            raise _unusable(config.address, config.port, "--port", error) from None
        try:
            yield port
        finally:
            await self._announcer.close()

    @asynccontextmanager
    async def _listed(self) -> AsyncIterator[int]:
        """The list of models over HTTP, open at the port that is given."""
        config = self._config
        try:
            loop = asyncio.get_running_loop()
            address = config.address, config.api_port
            api = HttpApi(address, config.crunch_id, self._models, loop)
        except OSError as error:
            raise _unusable(config.address, config.api_port, "--api-port", error) from None
        with api:
            threading.Thread(target=api.serve_forever, name="http-api", daemon=True).start()
            try:
                yield api.server_address[1]
            finally:
                api.shutdown()

    async def _run_models(self, setting: Setting, stop: asyncio.Event) -> None:
        private.directory(self._config.log_dir)
        try:
            await self._follow_roster(setting, stop)
        finally:
            ends = [model.end() for model in self._models.values()]
            await asyncio.gather(*ends, return_exceptions=True)

    async def _follow_roster(self, setting: Setting, stop: asyncio.Event) -> None:
        """Begin with models that have become members, end with those that no longer are."""
        read: tuple[int, int] | None = None
        roster = Roster([], [])
        while not stop.is_set():
            found = await asyncio.to_thread(self._file_state)
            if found not in (None, read):
                read = found
                roster = await asyncio.to_thread(self._read_again, roster)
            await self._match(roster.active_members(datetime.now(UTC)), setting)
            await asyncio.to_thread(hold_to_limits, list(self._models.values()))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ROSTER_SECONDS)

    def _file_state(self) -> tuple[int, int] | None:
        """What tells whether the models file has changed; None while an editor replaces it."""
        try:
            found = self._config.models_file.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size

    def _read_again(self, known: Roster) -> Roster:
        try:
            return Roster.load(self._config.models_file)
        except RosterError as error:
            logger.error("the models file is not used as it is now: %s", error)
            return known

    async def _match(self, members: list[Member], setting: Setting) -> None:
        active = {member.model_id: member for member in members}
        for model_id in self._models.keys() - active.keys():
            await self._models.pop(model_id).end()
        for model_id, member in active.items():
            if model_id not in self._models and member.directory is not None:
                model = HostedModel(
                    member, member.directory, setting, self._config.log_dir, self._announcer.publish
                )
                self._models[model_id] = model
                model.begin()


def hold_to_limits(models: Iterable[HostedModel]) -> None:
    """Kill the deployments that take more of this machine than they may."""
    deployments = {
        each.pid: each
        for model in models
        for each in (model.running, model.starting)
        if each is not None and each.pid is not None
    }
    for pid, processes in processes_below(deployments).items():
        deployments[pid].hold_to_limits(processes)


def _unusable(address: str, port: int, option: str, error: OSError) -> CoordinatorError:
    number = error.errno or 0
    reason = os.strerror(number) if number > 0 else str(error)
    return CoordinatorError(
        f"port {port} of {address} cannot be used ({reason}); stop what uses it, such as "
        f"another model host, or name another port with {option}"
    )
