from collections.abc import Iterator

import pytest

from tests.sandbox.asking import Sandbox


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def box(running: Sandbox) -> Sandbox:
    """A sandbox that remembers nothing."""
    running.reset()
    return running
