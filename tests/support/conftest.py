"""Every test begins with fresh counts of what was tried."""

import pytest

from wisqu.accounts import throttle


@pytest.fixture(autouse=True)
def _fresh_throttles() -> None:
    throttle._shared.cache_clear()
    throttle._local.cache_clear()
    if hasattr(throttle._shared().storage, "reset"):
        throttle._shared().storage.reset()
