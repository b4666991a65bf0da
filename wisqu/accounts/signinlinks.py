"""Links that sign their reader in, once: staff send them to people who can't get in, and don't see them."""

from __future__ import annotations

import math
import time
from datetime import timedelta

from allauth.account.utils import perform_login
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from wisqu.accounts.models import User

HOLDS = timedelta(hours=1)
# How much the clocks of two machines may differ.
AHEAD_S = 60.0
_SALT = "accounts.sign-in-link"


def make(user: User) -> str:
    """Return a token that holds for an hour, until the person signs in, or until all sign-ins are ended."""
    return signing.dumps({"id": str(user.pk), "state": _state(user), "made": time.time()}, salt=_SALT)


def read(token: str) -> User | None:
    """Return whom the token signs in; None when it was used, is over, or never was one."""
    try:
        known = signing.loads(token, salt=_SALT, max_age=HOLDS)
    except signing.BadSignature:
        return None
    if known.get("made", math.inf) > time.time() + AHEAD_S:
        return None  # the clock was put back: it would live longer than it may
    user = User.objects.filter(pk=known["id"], is_active=True).first()
    return user if user is not None and known["state"] == _state(user) else None


def _state(user: User) -> str:
    """What changes as soon as somebody signs in."""
    return f"{user.credential_epoch}.{user.last_login.isoformat() if user.last_login else ''}"


def send(request: HttpRequest, user: User) -> None:
    """Mail the link to the person's own address, in the person's language. Raises OSError."""
    address = request.build_absolute_uri(reverse("account_sign_in_link", args=[make(user)]))
    with translation.override(user.language):
        body = render_to_string(
            "accounts/mail/sign_in_link.txt", {"address": address, "minutes": HOLDS.seconds // 60}
        )
        mail = EmailMessage(_("Sign in to WisQu"), body, settings.DEFAULT_FROM_EMAIL, [user.email])
    mail.send()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def use(request: HttpRequest, token: str) -> HttpResponse:
    """Ask once more, since programs that look through mail open every link; then sign in."""
    user = read(token)
    if user is not None and request.method == "POST":
        user.vouch_for_address()  # the link came by mail to just this address
        response: HttpResponse = perform_login(request, user, email_verification="none")
        return response
    page = render(request, "accounts/sign_in_link.html", {"person": user}, status=200 if user else 410)
    page["Referrer-Policy"] = "no-referrer"
    return page
