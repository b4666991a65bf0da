"""Who is asking: one rule for DRF, ninja and the websocket.

An `Authorization: Bearer` header decides alone: an API key, else an access token. Only without one does the
session cookie count, and then a request that changes something must pass the CSRF check.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from wisqu.accounts.credentials import KEY_MARK, READ, WRITE, Credential, find_key, is_written_like_a_key
from wisqu.accounts.models import Session, User
from wisqu.accounts.sessions import SessionStore
from wisqu.accounts.tokens import claims_of, read_access
from wisqu.api import throttling
from wisqu.api.problems import Forbidden, Problem, Unauthenticated
from wisqu.api.threads import in_thread

Proof = tuple[User, Credential]

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
SUBPROTOCOL_MARK = "bearer."
_SESSION_KEY = re.compile(r"[a-z0-9]{8,40}")


class ScopeRequired(Forbidden):
    """The API key is valid, but was made for less."""

    code = "scope_required"

    def __init__(self, scope: str) -> None:
        super().__init__(detail=f"This API key lacks the scope `{scope}`.")


class CSRFFailed(Forbidden):
    """A cookie alone does not prove that the site's own page is asking."""

    code = "csrf_failed"
    detail = "The CSRF token is missing or wrong. Reload the page and try again."


def resolve(request: HttpRequest, *, counted: bool = True) -> Proof | None:
    """Return who is asking and by what; None for nobody. The request counts against the person's limit a minute.

    Raises Unauthenticated for a bearer that does not hold, CSRFFailed, ScopeRequired for an API key that was not
    made for this method, and TooManyRequests unless it is not `counted`.
    """
    proof = _prove(request)
    if proof is not None and counted:
        reads_page = proof[1].kind == "session" and request.method in SAFE_METHODS
        throttling.admit(proof[0].pk, reads_page=reads_page)
    return proof


def objection(request: HttpRequest) -> Problem | None:
    """Return why more of a request than anybody may send is not read; None for somebody known. Nothing is counted.

    What `resolve` asks besides is for later: a form may hold the CSRF token in the very body that is not read yet.
    """
    try:
        return None if _prove(request, reads_body=False) else Unauthenticated()
    except Problem as problem:
        return problem


def _prove(request: HttpRequest, *, reads_body: bool = True) -> Proof | None:
    is_safe = request.method in SAFE_METHODS
    bearer = _bearer(request.META.get("HTTP_AUTHORIZATION", ""))
    if bearer is not None:
        proof = _of_bearer(bearer)
        if proof is None:
            raise Unauthenticated
        require_scope(proof[1], READ if is_safe else WRITE)
        return proof
    proof = _of_session(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
    if proof is not None and not is_safe and reads_body:
        _require_csrf(request)
    return proof


def require_scope(credential: Credential, scope: str) -> None:
    """Refuse a credential that was not made for `scope`. Raises ScopeRequired."""
    if scope not in credential.scopes:
        raise ScopeRequired(scope)


def _bearer(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _of_bearer(bearer: str) -> Proof | None:
    if not bearer.startswith(KEY_MARK):
        return read_access(bearer)
    key = find_key(bearer)
    if key is None or not key.user.is_active:
        return None
    scopes = frozenset(key.scopes)
    return key.user, Credential(kind="key", id=str(key.id), epoch=key.user.credential_epoch, scopes=scopes)


def _of_session(session_key: str) -> Proof | None:
    """Read the session and its user in one query; the API passes none of the page's middleware."""
    if not _SESSION_KEY.fullmatch(session_key):
        return None
    sessions = Session.objects.select_related("user")
    row = sessions.filter(session_key=session_key, expire_date__gt=timezone.now()).first()
    if row is None or row.user is None or not row.user.is_active:
        return None
    data = SessionStore().decode(row.session_data)
    if data.get(SESSION_KEY) != str(row.user.pk) or not _hash_holds(row.user, data.get(HASH_SESSION_KEY, "")):
        return None
    return row.user, Credential(kind="session", id=session_key, epoch=row.user.credential_epoch)


def _hash_holds(user: User, session_hash: str) -> bool:
    accepted = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(hmac.compare_digest(session_hash.encode(), one.encode()) for one in accepted)


class _CSRFCheck(CsrfViewMiddleware):
    """Django's check, telling the reason instead of making a page of it."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _nothing(_request: HttpRequest) -> HttpResponse:
    """Stand where Django's check expects a view."""
    return HttpResponse()


def _require_csrf(request: HttpRequest) -> None:
    check = _CSRFCheck(_nothing)
    check.process_request(request)
    if check.process_view(request, _nothing, (), {}) is not None:
        raise CSRFFailed


class Authentication(BaseAuthentication):
    """DRF's door to `resolve`; `request.auth` is the Credential."""

    def authenticate(self, request: Request) -> Proof | None:
        """Return user and credential, or None."""
        return resolve(request._request)

    def authenticate_header(self, request: Request) -> str:
        """Make DRF answer 401, not 403, to nobody."""
        return 'Bearer realm="wisqu"'


class UncountedAuthentication(Authentication):
    """The same for what a page fetches by the dozen: files that its owner sees."""

    def authenticate(self, request: Request) -> Proof | None:
        """Return user and credential, or None; nothing is counted."""
        return resolve(request._request, counted=False)


class AuthenticationSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes `Authentication`."""

    target_class = "wisqu.accounts.auth.Authentication"
    match_subclasses = True
    name = ["bearer", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return both ways, in the order of `name`."""
        bearer = {
            "type": "http",
            "scheme": "bearer",
            "description": "A JWT access token from /auth/token, or an API key (wq_...).",
        }
        cookie = {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The site's own pages; what changes something needs the CSRF token as well.",
        }
        return [bearer, cookie]


async def authenticate(request: HttpRequest) -> Proof:
    """Ninja's door to `resolve`: the result is `request.auth`, and `request.user` is set.

    Raises Unauthenticated for nobody, and what `resolve` raises.
    """
    return _known(request, await in_thread(resolve, request))


async def authenticate_uncounted(request: HttpRequest) -> Proof:
    """Do the same for what a limit must never stop: stopping an answer."""
    return _known(request, await in_thread(resolve, request, counted=False))


def _known(request: HttpRequest, proof: Proof | None) -> Proof:
    if proof is None:
        raise Unauthenticated
    request.user = proof[0]
    return proof


async def resolve_scope(scope: dict[str, Any]) -> Proof | None:
    """Return who opens a websocket: by subprotocol `bearer.<token>`, else by session cookie; None for nobody.

    A cookie proves nothing about the page that opened the socket: the consumer checks `Origin`.
    A socket can send, so an API key needs the scope `write`.
    """
    return await in_thread(_resolve_scope, scope)


def _resolve_scope(scope: dict[str, Any]) -> Proof | None:
    kind, secret = presented(scope)
    if kind == "session":
        return _of_session(secret)
    proof = _of_bearer(secret)
    return proof if proof and WRITE in proof[1].scopes else None


def may_hold(scope: Mapping[str, Any]) -> bool:
    """Return whether what somebody opens a websocket with may be valid, by its form and signature alone.

    No database is asked: an access token that we did not sign, or that has expired, is known by itself.
    """
    kind, secret = presented(scope)
    if kind == "session":
        return _SESSION_KEY.fullmatch(secret) is not None
    if secret.startswith(KEY_MARK):
        return is_written_like_a_key(secret)
    return claims_of(secret) is not None


def presented(scope: Mapping[str, Any]) -> tuple[Literal["bearer", "session"], str]:
    """Return the credential that whoever opens a websocket names, unproven; an empty text for none."""
    for protocol in scope.get("subprotocols") or ():
        if protocol.startswith(SUBPROTOCOL_MARK):
            return "bearer", protocol.removeprefix(SUBPROTOCOL_MARK)
    header = b"; ".join(value for name, value in scope.get("headers", ()) if name == b"cookie")
    return "session", parse_cookie(header.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
