"""Fixtures of billing."""

from collections.abc import Iterator

import pytest

from tests.billing.stripes import SECRET, LocalStripe


@pytest.fixture(scope="session")
def stripe_processes() -> Iterator[LocalStripe]:
    """localstripe and the stand-in, for the whole run."""
    server = LocalStripe()
    yield server
    server.stop()


@pytest.fixture
def stripe_server(stripe_processes: LocalStripe, settings) -> LocalStripe:
    """Stripe as the provider that takes payments."""
    settings.BILLING_PROVIDER, settings.STRIPE_API_BASE = "stripe", stripe_processes.url
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = "sk_test_12345", SECRET
    stripe_processes.fail(0)
    stripe_processes.decline(False)
    stripe_processes.asked()
    return stripe_processes
