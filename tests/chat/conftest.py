"""Alice and Charlie, with a program each."""

from __future__ import annotations

import pytest

from tests.clients import Api
from tests.live import Web
from tests.people import make_alice, make_charlie


@pytest.fixture
def alice(live: Web) -> Api:
    return Api(live, make_alice())


@pytest.fixture
def charlie(live: Web) -> Api:
    return Api(live, make_charlie())
