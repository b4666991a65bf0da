"""What every test of accounts starts from."""

import pytest
from django.core.cache import cache

from wisqu.accounts import throttle


@pytest.fixture(autouse=True)
def _fresh_throttles() -> None:
    throttle._shared.cache_clear()
    throttle._local.cache_clear()
    cache.clear()  # where allauth counts
