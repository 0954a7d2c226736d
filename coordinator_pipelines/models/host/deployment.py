"""One process that serves one model: started, proven to work, killed with all below it.

Add here what concerns one process; avoid deciding when to start another (``hosted_model``).
"""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc.aio import AioRpcError
from grpc_health.v1 import health_pb2, health_pb2_grpc
from model_runner_client.grpc.generated.dynamic_subclass_pb2 import SetupRequest
from model_runner_client.grpc.generated.dynamic_subclass_pb2_grpc import (
    DynamicSubclassServiceStub,
)

from coordinator_pipelines.models import isolation, submission
from coordinator_pipelines.models.cgroups import Cgroup, Cgroups
from coordinator_pipelines.models.host import usage
from coordinator_pipelines.models.host.gateway import Gateway
from coordinator_pipelines.models.isolation import PROCESSES, Place, Tier
from coordinator_pipelines.models.model_environments import ModelEnvironments
from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.run_directory import let_all_read, remove
from coordinator_pipelines.models.runner_environment import RunnerEnvironment

SERVE = Path(__file__).with_name("serve.py")
POLL_SECONDS = 0.05
REASON_CHARACTERS = 500
DISK_BYTES = 1 << 30
"""What a deployment may write to disk, where it can, beyond what the model brought along."""
SERVING = health_pb2.HealthCheckResponse.SERVING


@dataclass(frozen=True, slots=True)
class Setting:
    """What all deployments of a host share."""

    tier: Tier
    environments: ModelEnvironments
    root: Path
    """Directory of this host's run, for sockets and copies of code."""
    base_class: str
    setup_seconds: float
    memory_bytes: int
    """What all processes of a model may hold together."""
    cgroups: Cgroups | None = None
    """Limits of the kernel; None where it has none, and this host must count."""
    gateway: Gateway | None = None
    """Leads clients on other machines to the deployments; None: all are on this one."""


class NotReadyError(Exception):
    """A deployment does not serve its model; ``for_good``: nor will the same files ever."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        # A part of it may be the model's own words, and everybody's log is made of lines.
        shown = (each if each.isprintable() else " " for each in reason[:REASON_CHARACTERS])
        super().__init__("".join(shown))
        self.for_good = for_good


class Deployment:
    """A copy of a model's files, served by a process of its own on a socket of its own."""

    def __init__(self, setting: Setting, deployment_id: str, number: int, log: Log) -> None:
        self.deployment_id = deployment_id
        self._setting = setting
        self._log = log
        self._base = setting.root / str(number)
        self.address = ("unix", str(self.socket))
        """Where clients find it: a socket of this machine, unless a gateway leads there."""
        uid = isolation.own_uid(setting.tier, number)
        self._place = Place(self._base / "code", self._base / "run", setting.root / "shared", uid)
        self._process: subprocess.Popen[bytes] | None = None
        self._cgroup: Cgroup | None = None
        self._brought = 0
        self._busy = threading.Lock()
        self._excess: str | None = None

    @property
    def pid(self) -> int | None:
        """Its process, below which all others are; None before it is started."""
        return self._process.pid if self._process else None

    @property
    def code(self) -> Path:
        """The copy of the model's files, once it is made."""
        return self._place.code

    @property
    def socket(self) -> Path:
        """Where the model is served: made by the host, where no model can write."""
        return self._base / "model.sock"

    def prepare(self, directory: Path) -> None:
        """Copy the model's files to a place of their own.

        Raises:
            OSError: they cannot be read, or the copy cannot be made.
        """
        place = self._place
        with self._busy:
            submission.copy(directory, place.code)
            let_all_read(self._base)
            place.run.mkdir(mode=0o711)
            self._brought = usage.disk_bytes(place.resources)

    def start(self, environment: RunnerEnvironment) -> None:
        """Serve the copy. The process dies with the thread that calls this, which must last."""
        place, tier = self._place, self._setting.tier
        seen = isolation.paths(tier, place)
        inner = seen.run / "runner.sock"
        runner = [
            "--address", f"unix:{inner}", "--code-directory", str(seen.code),
            "--resource-directory", str(seen.code / "resources"),
        ]  # fmt: skip
        with self._busy, socket.socket(socket.AF_UNIX) as endpoint:
            endpoint.bind(str(self.socket))
            given = [str(endpoint.fileno()), str(inner)]
            argv = ["-P", "-s", "-c", SERVE.read_text(encoding="utf-8"), *given, *runner]
            most, group = self._setting.memory_bytes, self._limited()
            self._process = subprocess.Popen(
                isolation.command(tier, environment, place, most, argv, group),
                env=isolation.variables(tier, place),
                cwd=place.code,
                stdin=subprocess.DEVNULL,
                stdout=self._log.pipe,
                stderr=self._log.pipe,
                pass_fds=(endpoint.fileno(),),
                start_new_session=True,
            )

    def _limited(self) -> Path | None:
        """The cgroup that the processes are to be in, if there is one."""
        if self._setting.cgroups is None:
            return None
        name = self._base.name
        self._cgroup = self._setting.cgroups.of_model(name, self._setting.memory_bytes)
        return self._cgroup.path

    async def prove(self) -> None:
        """Wait until the model is served and set up.

        Raises:
            NotReadyError: it is not, and why.
        """
        try:
            async with asyncio.timeout(self._setting.setup_seconds):
                await self._reachable()
                address = f"unix:{self.socket}"
                async with grpc.aio.insecure_channel(address) as channel:
                    await self._healthy(channel)
                    await self._set_up(channel)
        except TimeoutError:
            seconds = f"{self._setting.setup_seconds:g}"
            raise NotReadyError(f"it was not set up within {seconds} s") from None
        except AioRpcError as error:
            raise NotReadyError(f"it broke off during setup: {error.details()}") from None

    async def _reachable(self) -> None:
        """Wait until somebody listens, who must be the model."""
        while not self._is_served():
            if ended := self.ended():
                raise NotReadyError(ended)
            await asyncio.sleep(POLL_SECONDS)

    def _is_served(self) -> bool:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.setblocking(False)  # for ever, where the model never takes a connection
            try:
                asking.connect(str(self.socket))
            except (ConnectionRefusedError, BlockingIOError):
                return False
            if _user_of(asking) not in (None, self._place.user):
                raise NotReadyError("another user than its own listens at its socket")
            return True

    async def _healthy(self, channel: grpc.aio.Channel) -> None:
        request = health_pb2.HealthCheckRequest(service="")
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(request, wait_for_ready=True)
        if answer.status != SERVING:
            raise NotReadyError("it does not say that it is healthy")

    async def _set_up(self, channel: grpc.aio.Channel) -> None:
        request = SetupRequest(className=self._setting.base_class)
        status = (await DynamicSubclassServiceStub(channel).Setup(request)).status
        if status.code != "SUCCESS":
            broken = status.code == "BAD_IMPLEMENTATION"
            hint = "; its log says what could not be imported" if broken else ""
            raise NotReadyError(f"{status.code}: {status.message}{hint}", for_good=broken)

    def ended(self) -> str | None:
        """How its process has ended; None while it runs."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        if self._cgroup is not None and self._cgroup.ran_out_of_memory():
            most = _gb(self._setting.memory_bytes)
            return f"it held more memory than the {most} that are allowed"
        return self._excess or f"its process has ended (exit {code})"

    def hold_to_limits(self, processes: list[int]) -> None:
        """Kill it, if its processes take more of this machine than they may."""
        self._excess = self._excess or self._too_much(processes)
        if self._excess:
            self._kill()

    def _too_much(self, processes: list[int]) -> str | None:
        excess = None if self._cgroup else self._too_many(processes)
        return excess or (None if self._setting.tier.isolated else self._too_much_on_disk())

    def _too_many(self, processes: list[int]) -> str | None:
        """What the kernel counts where it can: processes, and the memory that they hold."""
        most, scratch = self._setting.memory_bytes, self._place.scratch.values()
        held = usage.memory_bytes(processes, most) + usage.filled_bytes(processes[0], scratch)
        if held > most:
            return f"it held {_gb(held)} of memory; at most {_gb(most)} are allowed"
        if len(processes) > PROCESSES:
            return f"it had {len(processes)} processes; at most {PROCESSES} are allowed"
        return None

    def _too_much_on_disk(self) -> str | None:
        try:
            written = usage.disk_bytes(self._place.run, self._place.resources) - self._brought
        except OSError as error:
            return f"what it wrote cannot be counted: {error}"
        if written > DISK_BYTES:
            return f"it wrote {_gb(written)} to disk; at most {_gb(DISK_BYTES)} are allowed"
        return None

    def stop(self) -> None:
        """Kill the process with everything below it, and remove its files.

        What is still being prepared or started, though nobody waits for it any more, comes first.
        """
        with self._busy:
            if self._process is not None:
                self._kill()
                self._process.wait()
            if self._cgroup is not None:
                self._cgroup.end()
            remove(self._base)

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _user_of(connected: socket.socket) -> int | None:
    """The user who listens at the other end, where the system tells that."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user: int = struct.unpack("3i", told)[1]
    return user


def _gb(size: int) -> str:
    return f"{size / (1 << 30):.2g} GB"
