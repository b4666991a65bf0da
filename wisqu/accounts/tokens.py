"""Tokens for programs that sign in with a password: a JWT for 15 minutes, and a refresh token to go on.

The tokens that came from one sign-in are a family. A refresh token works once; a second use means that a copy
is about, so the whole family ends. An access token names its family and epoch, and dies with either.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from wisqu.accounts.credentials import Credential, hashed, new_secret
from wisqu.accounts.models import RefreshToken, TokenFamily, User
from wisqu.api import rows
from wisqu.api.problems import Problem

REFRESH_MARK = "wqr_"
# Characters; ours have some 350. What is longer is not taken apart.
LONGEST_ACCESS = 2000
_LIFETIMES: Any = settings.SIMPLE_JWT
ACCESS_LIFETIME: timedelta = _LIFETIMES["ACCESS_TOKEN_LIFETIME"]
REFRESH_LIFETIME: timedelta = _LIFETIMES["REFRESH_TOKEN_LIFETIME"]

_REFRESH = re.compile(r"wqr_[A-Za-z0-9]{43}")


class InvalidRefreshToken(Problem):
    """Unknown, expired, revoked, or used before."""

    status = 401
    code = "invalid_refresh_token"
    detail = "This refresh token is not valid any more. Sign in again."


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a program gets for a password or a refresh token."""

    access: str
    refresh: str


def open_family(user: User) -> TokenPair:
    """Sign a program in. `user` must be as it was when the password was checked: its epoch counts."""
    with transaction.atomic():
        family = TokenFamily.objects.create(user=user, epoch=user.credential_epoch)
        return _issue(family)


def _issue(family: TokenFamily) -> TokenPair:
    refresh = REFRESH_MARK + new_secret()
    RefreshToken.objects.create(
        family=family, secret_hash=hashed(refresh), expires_at=timezone.now() + REFRESH_LIFETIME
    )
    access = AccessToken()
    access["sub"] = str(family.user_id)
    access["family"] = str(family.id)
    access["epoch"] = family.epoch
    return TokenPair(access=str(access), refresh=refresh)


def refresh_pair(refresh: str) -> TokenPair:
    """Return new tokens for a refresh token that was never used. Raises InvalidRefreshToken."""
    token = _find(refresh)
    if token is None or not _holds(token):
        raise InvalidRefreshToken
    with transaction.atomic():
        # One of several concurrent uses gets the row; the others prove that the token was copied.
        is_first = RefreshToken.objects.filter(id=token.id, used_at=None).update(used_at=timezone.now())
        if is_first:
            return _issue(token.family)
    _end(token.family_id)
    raise InvalidRefreshToken


def _find(refresh: str) -> RefreshToken | None:
    if not _REFRESH.fullmatch(refresh):
        return None
    tokens = RefreshToken.objects.select_related("family__user")
    return tokens.filter(secret_hash=hashed(refresh)).first()


def _holds(token: RefreshToken) -> bool:
    family, user = token.family, token.family.user
    is_open = family.revoked_at is None and family.epoch == user.credential_epoch and user.is_active
    return is_open and token.expires_at > timezone.now()


def revoke_family(refresh: str) -> None:
    """End the family of a refresh token, its access tokens included; an unknown token changes nothing."""
    token = _find(refresh)
    if token is not None:
        _end(token.family_id)


def _end(family_id: uuid.UUID) -> None:
    TokenFamily.objects.filter(id=family_id, revoked_at=None).update(revoked_at=timezone.now())


def claims_of(raw: str) -> tuple[uuid.UUID, uuid.UUID, Any] | None:
    """Return user, family and epoch that an access token names; None for one that we did not write, or that expired.

    Nothing is asked of the database.
    """
    if len(raw) > LONGEST_ACCESS:
        return None
    try:
        claims = AccessToken(raw)  # type: ignore[arg-type]  # its stubs ask for a Token, it reads text
        return uuid.UUID(claims["sub"]), uuid.UUID(claims["family"]), claims["epoch"]
    except (TokenError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def read_access(raw: str) -> tuple[User, Credential] | None:
    """Return whose access token this is, in one query; None for one that does not hold."""
    claims = claims_of(raw)
    if claims is None:
        return None
    user_id, family_id, epoch = claims
    family = rows.find(TokenFamily, related="user", id=family_id, user_id=user_id)
    if family is None or family.revoked_at is not None or not family.user.is_active:
        return None
    if not epoch == family.epoch == family.user.credential_epoch:
        return None
    return family.user, Credential(kind="token", id=str(family.id), epoch=epoch)
