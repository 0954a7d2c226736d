"""The host itself: the models of a roster run, and are announced, until it is told to stop.

Add here the life of the host; avoid what belongs to one model (``hosted_model``).
"""

import asyncio
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coordinator_pipelines.domain.errors import RosterError
from coordinator_pipelines.domain.models import Member
from coordinator_pipelines.models.host.announcer import Announcer
from coordinator_pipelines.models.host.deployment import Setting
from coordinator_pipelines.models.host.hosted_model import HostedModel
from coordinator_pipelines.models.host.http_api import HttpApi
from coordinator_pipelines.models.host.isolation import strongest_tier
from coordinator_pipelines.models.host.runner_environment import RunnerEnvironment
from coordinator_pipelines.models.host.shared_modules import lay_out
from coordinator_pipelines.models.roster import Roster

logger = logging.getLogger(__name__)

ROSTER_SECONDS = 1.0
PREFIX = "models-"


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host runs and where it can be reached."""

    crunch_id: str
    base_class: str
    models_file: Path
    log_dir: Path
    setup_seconds: float
    address: str
    port: int
    api_port: int


class ModelHost:
    """Runs the models that are members now. ``say``: takes what the user should see."""

    def __init__(
        self, config: HostConfig, environment: RunnerEnvironment, say: Callable[[str], None]
    ) -> None:
        self._config = config
        self._environment = environment
        self._say = say
        self._models: dict[str, HostedModel] = {}
        self._announcer = Announcer(config.crunch_id, self._models)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        config = self._config
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        roster = Roster.load(config.models_file)
        root = make_root()
        try:
            lay_out(roster.shared_modules, config.base_class, root / "shared")
            tier = await asyncio.to_thread(strongest_tier, self._environment)
            self._say(f"Models run {tier.value}")
            setting = Setting(
                tier, self._environment, root, config.base_class, config.setup_seconds
            )
            await self._serve(setting, stop)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    async def _serve(self, setting: Setting, stop: asyncio.Event) -> None:
        config = self._config
        config.log_dir.mkdir(parents=True, exist_ok=True)
        port = await self._announcer.open(config.address, config.port)
        api = HttpApi((config.address, config.api_port), config.crunch_id, self._models)
        threading.Thread(target=api.serve_forever, name="http-api", daemon=True).start()
        self._say(
            f"Announcing at ws://{config.address}:{port}/{config.crunch_id}; list and logs at "
            f"http://{config.address}:{api.server_address[1]}/models"
        )
        try:
            await self._follow_roster(setting, stop)
        finally:
            api.shutdown()
            api.server_close()
            ends = [model.end() for model in self._models.values()]
            await asyncio.gather(*ends, return_exceptions=True)
            await self._announcer.close()

    async def _follow_roster(self, setting: Setting, stop: asyncio.Event) -> None:
        """Begin with models that have become members, end with those that no longer are."""
        read: tuple[int, int] | None = None
        roster = Roster([], [])
        while not stop.is_set():
            found = self._config.models_file.stat()
            if (found.st_mtime_ns, found.st_size) != read:
                read = found.st_mtime_ns, found.st_size
                roster = self._read_again(roster)
            await self._match(roster.active_members(datetime.now(UTC)), setting)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ROSTER_SECONDS)

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


def make_root() -> Path:
    """A directory for this run, short enough for socket paths; those of dead hosts go."""
    temporary = Path(tempfile.gettempdir())
    for path in temporary.glob(f"{PREFIX}[0-9]*-*"):
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(path, ignore_errors=True)
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    root.chmod(0o711)
    return root
