"""Whether a member of staff has shown a second factor in this session."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

# allauth's own record of how somebody signed in, and ours of having set the factor up just now.
METHODS, SET_UP = "account_authentication_methods", "second_factor_set_up"


def where_to_prove(request: HttpRequest) -> str:
    """Return the address at which to set up or to show the second factor; empty where that is done."""
    session: Any = request.session
    used = any(record.get("method") == "mfa" for record in session.get(METHODS, ()))
    if used or session.get(SET_UP):
        return ""
    back = urlencode({"next": request.get_full_path()})
    has_one = get_adapter().is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
    return f"{reverse('mfa_reauthenticate' if has_one else 'mfa_activate_totp')}?{back}"


def remember(request: HttpRequest, **_kwargs: Any) -> None:
    """Note that the factor was set up in this session: who did that has shown it."""
    request.session[SET_UP] = True
