from collections.abc import AsyncIterator

import pytest

from tests.openrouter.server import ScriptedServer
from wisqu.openrouter.client import Deadlines, OpenRouter

QUICK = Deadlines(first_byte=0.25, silence=0.25, total=5.0, tail=0.1, longest_wait=0.3, backoff=0.01)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: ScriptedServer) -> AsyncIterator[OpenRouter]:
    client = OpenRouter(api_key="sk-or-test", base_url=server.url, deadlines=QUICK)
    await client.connect()
    yield client
    await client.close()
