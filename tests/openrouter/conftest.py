import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests import leaping
from tests.openrouter.server import ScriptedServer
from wisqu.openrouter.client import Deadlines, OpenRouter

QUICK = Deadlines(first_byte=0.25, silence=0.25, total=5.0, tail=0.1, longest_wait=0.3, backoff=0.01)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Where client and server run in one loop, no test depends on the speed of the machine."""
    is_apart = item.path.name == "test_sandbox.py"
    return {"real": asyncio.new_event_loop} if is_apart else {"leaping": leaping.Loop}


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
