"""One deployment of one model on the wire: set up, called, and every reply a value.

Add here what is exchanged with one model's server; avoid what replies mean
(``conversation``) and which models there are (``cluster``).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grpc import StatusCode
from grpc.aio import AioRpcError
from model_runner_client.grpc.generated.commons_pb2 import Argument, KwArgument, Variant
from model_runner_client.grpc.generated.dynamic_subclass_pb2 import (
    CallRequest,
    SetupRequest,
    SetupResponse,
)
from model_runner_client.grpc.generated.dynamic_subclass_pb2_grpc import (
    DynamicSubclassServiceStub,
)
from model_runner_client.model_runners import DynamicSubclassModelRunner, ModelRunner
from model_runner_client.security.wallet_gelegation import AuthError

from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER, Member
from coordinator_pipelines.models.live.health import bounded
from coordinator_pipelines.models.live.secure import channels, peer_key

Arguments = tuple[list[Argument], list[KwArgument]]
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.01, 0.05
NAME_CHARACTERS = 200
EXHAUSTED = StatusCode.RESOURCE_EXHAUSTED.name
TOO_LARGE = "larger than max"
EXISTED = "already exists"


def printable(name: object) -> str:
    """A name that a participant chose, as it can be stored, and shown in one line."""
    text = str(name)[:NAME_CHARACTERS]
    shown = (each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return "".join(shown)


def busy_pauses() -> Iterator[float]:
    """Seconds to let pass before the next try of a server that is busy, for ever.

    Short at first: two coordinators overlap for a moment when one hands over to the next.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, LAST_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one call: a status and a value, or a broken connection."""

    code: str
    """The model's status code, or the name of the gRPC status."""
    message: str
    value: Variant | None = None
    answered: bool = False
    """Whether the model's own process said this."""

    @property
    def too_large(self) -> bool:
        """Whether the answer was more than a message may hold."""
        return not self.answered and self.code == EXHAUSTED and TOO_LARGE in self.message

    @property
    def busy(self) -> bool:
        """Whether the server did not take the call, because of another one."""
        return not self.answered and self.code == EXHAUSTED and not self.too_large


class LiveRunner(DynamicSubclassModelRunner):  # type: ignore[misc]  # untyped package
    """One deployment of one model."""

    refusal = ""
    """What the model said when it could not be set up."""
    existed = False
    """Whether the model had been made before this setup, and may remember."""

    @property
    def member(self) -> Member:
        """The deployment as the door names it."""
        owner_id = str(self.infos.get("cruncher_id") or UNKNOWN_OWNER)
        owner = printable(self.infos.get("cruncher_name") or owner_id)
        name = printable(self.model_name or self.model_id)
        return Member(self.model_id, name, owner, owner_id, self.deployment_id)

    def is_at(self, announced: dict[str, Any]) -> bool:
        """Whether an announcement is of this deployment, where it is."""
        mine = (self.deployment_id, self.ip, self.port)
        return mine == (announced["deployment_id"], announced["ip"], announced["port"])

    async def _connect_secure_channels(self) -> None:
        peer = await peer_key(self.ip, self.port, self.server_hostname, self.secure_credentials)
        self.grpc_channel, self.grpc_health_channel = channels(
            f"{self.ip}:{self.port}",
            self.grpc_options,
            self.secure_credentials,
            peer,
            {
                "expected_wallet_pub_b58": self.infos.get("cruncher_wallet_pubkey"),
                "expected_hotkey": self.infos.get("cruncher_hotkey"),
                "expected_model_id": self.model_id,
            },
        )

    async def setup(self, grpc_channel: Any) -> tuple[bool, Any]:
        """Make the model; a refusal of any kind is a failure, never an exception."""
        self.grpc_stub = DynamicSubclassServiceStub(grpc_channel)
        answer = await self._set_up_when_free()
        status = answer.status
        self.existed = EXISTED in status.message
        if status.code == "SUCCESS":
            return True, None
        self.refusal = bounded(f"{status.code}: {status.message}")
        if status.code == "BAD_IMPLEMENTATION":
            return False, ModelRunner.ErrorType.BAD_IMPLEMENTATION
        return False, ModelRunner.ErrorType.FAILED

    async def _set_up_when_free(self) -> SetupResponse:
        """Setup, again and again while the server is busy; the caller sets the deadline."""
        request = SetupRequest(
            className=self.base_classname,
            instanceArguments=self.instance_args,
            instanceKwArguments=self.instance_kwargs,
        )
        pauses = busy_pauses()
        while True:
            try:
                return await self.grpc_stub.Setup(request)
            except AioRpcError as error:
                if error.code() is not StatusCode.RESOURCE_EXHAUSTED:
                    raise
            self.refusal = "it stayed busy with a call"
            await asyncio.sleep(next(pauses))

    async def exchange(
        self, method: str, args: list[Argument], kwargs: list[KwArgument], seconds: float
    ) -> Reply:
        """Call a method of the model; every failure of the connection is a reply too."""
        request = CallRequest(methodName=method, methodArguments=args, methodKwArguments=kwargs)
        try:
            response = await self.grpc_stub.Call(request, timeout=seconds)
        except AioRpcError as error:
            code: StatusCode = error.code()
            return Reply(code.name, bounded(error.details() or code.name))
        except AuthError as error:
            return Reply("UNAUTHENTICATED", bounded(error))
        except asyncio.CancelledError:
            if not self.closed:
                raise
            return Reply("UNAVAILABLE", "the connection was closed")
        status = response.status
        return Reply(status.code, bounded(status.message), response.methodResponse, answered=True)
