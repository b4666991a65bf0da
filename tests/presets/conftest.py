"""Each test sees the catalogue of its own database."""

from collections.abc import Iterator

import pytest

from presets import catalogue


@pytest.fixture(autouse=True)
def _own_catalogue() -> Iterator[None]:
    catalogue.invalidate()
    yield
    catalogue.invalidate()
