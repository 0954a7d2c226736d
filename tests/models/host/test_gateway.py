"""Models that a coordinator on another machine reaches: at ports, which lead to sockets."""

import asyncio
import socket

import pytest

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.models.host.gateway import Gateway
from tests.models.live.conftest import eventually


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


async def echo(reader, writer):
    while said := await reader.read(1 << 16):
        writer.write(said)
        await writer.drain()
    writer.close()


async def said_back(port, content):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    try:
        return await asyncio.wait_for(reader.readexactly(len(content) or 1), 5)
    finally:
        writer.close()


def test_a_port_leads_to_the_socket_until_it_is_closed(tmp_path):
    async def scenario():
        port = free_port()
        gateway = Gateway("models.example", "127.0.0.1", range(port, port + 1))
        server = await asyncio.start_unix_server(echo, tmp_path / "model.sock")
        address = gateway.open("first", tmp_path / "model.sock")
        assert address == ("models.example", str(port))
        content = bytes(range(256)) * 20_000
        assert await said_back(port, content) == content
        with pytest.raises(OSError, match=f"{port} to {port} are all taken.*--model-ports"):
            gateway.open("second", tmp_path / "model.sock")
        gateway.close("first")
        await asyncio.sleep(0.05)
        with pytest.raises(ConnectionError):
            await said_back(port, b"there?")
        gateway.open("second", tmp_path / "model.sock")
        gateway.close("second")
        await asyncio.sleep(0)
        server.close()

    asyncio.run(scenario())


def test_a_socket_that_nobody_serves_closes_the_connection(tmp_path):
    async def scenario():
        port = free_port()
        gateway = Gateway("here", "127.0.0.1", range(port, port + 1))
        gateway.open("gone", tmp_path / "model.sock")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await said_back(port, b"")
        gateway.close("gone")
        await asyncio.sleep(0)

    asyncio.run(scenario())


@pytest.mark.slow
def test_models_are_asked_at_ports_and_a_redeployed_one_at_another(host):
    first = free_port()
    host.write("model", "return {'p_up': 0.25}")
    options = ("--reached-at", "127.0.0.1", "--model-ports", str(first), str(first + 5))
    host.up(options=options).connect()
    host.joined("model")
    assert host.ask()["model"].outcome is Outcome.SUCCESS
    before = host.deployment("model")
    host.write("model", "return {'p_up': 0.75}")
    eventually(lambda: host.deployment("model") != before, 30)
    assert host.ask()["model"].outcome is Outcome.SUCCESS
