"""The few pages that need more than the site's strict Content-Security-Policy, each by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update

# A form of ours whose answer leads on to Stripe: browsers hold redirects of forms to this rule too.
with_forms_to_stripe: Callable[[Any], Any] = csp_update(
    {"form-action": ["https://checkout.stripe.com", "https://billing.stripe.com"]}
)
