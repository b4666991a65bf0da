"""Who may look behind the scenes: staff, and machines with the monitoring token of the settings."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest

from wisqu.accounts.auth import authenticate_uncounted
from wisqu.api.problems import Forbidden

ANYBODY = "anybody"
MACHINE = "monitoring token"


async def may_read_details(request: HttpRequest) -> object:
    """Let staff and the token pass. Raises Unauthenticated for nobody, Forbidden for anybody else."""
    if _shows_token(request):
        return MACHINE
    user, _ = proof = await authenticate_uncounted(request)
    if not user.is_staff:
        raise Forbidden(detail="This is for the site's staff.")
    return proof


async def may_read_metrics(request: HttpRequest) -> object:
    """Let everybody pass where no token is set, for a network that only Prometheus is in; else as the details."""
    return await may_read_details(request) if settings.MONITORING_TOKEN else ANYBODY


def _shows_token(request: HttpRequest) -> bool:
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = settings.MONITORING_TOKEN
    is_bearer = scheme.lower() == "bearer"
    return bool(token) and is_bearer and hmac.compare_digest(value.strip().encode(), token.encode())
