"""How programs of a stack are asked whether they still do anything: a process may live and hang.

Add here how a kind of program is asked; avoid what follows from its silence (``supervisor``).
Each answers within ASK_SECONDS; a sign that cannot be told apart from another's silence counts.
"""

import grpc
import httpx
from dagster._grpc.__generated__.dagster_api_pb2 import PingRequest
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiStub

from coordinator_pipelines.stack.ports import HOST

ASK_SECONDS = 5.0


def answers(url: str) -> bool:
    """Whether something is answered, if only that it is not well."""
    return _answer(url) is not None


def succeeds(url: str) -> bool:
    """Whether it is answered that all is well."""
    answer = _answer(url)
    return answer is not None and answer.is_success


def _answer(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, timeout=ASK_SECONDS)
    except httpx.HTTPError:
        return None


def serves_code(port: int) -> bool:
    """Whether a code server of Dagster answers: its Python, not only its sockets."""
    try:
        with grpc.insecure_channel(f"{HOST}:{port}") as channel:
            stub = DagsterApiStub(channel)  # type: ignore[no-untyped-call]
            stub.Ping(PingRequest(echo=""), timeout=ASK_SECONDS)
    except grpc.RpcError:
        return False
    return True
