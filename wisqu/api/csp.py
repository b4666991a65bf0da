"""The few pages that need more than the site's strict Content-Security-Policy, each by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update

# Styles only: scripts stay as strict as everywhere.
with_inline_styles: Callable[[Any], Any] = csp_update({"style-src": [SELF, UNSAFE_INLINE]})

# A form of ours whose answer leads on to Stripe: browsers hold redirects of forms to this rule too.
with_forms_to_stripe: Callable[[Any], Any] = csp_update(
    {"form-action": ["https://checkout.stripe.com", "https://billing.stripe.com"]}
)
