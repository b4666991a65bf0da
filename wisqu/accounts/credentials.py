"""What acts for a user: the proven credential of a request, and the making and finding of API keys.

Secrets are 256 random bits and kept as SHA-256: with that much randomness a slow hash would protect nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from wisqu.accounts.models import APIKey, User
from wisqu.api.ids import uuid7
from wisqu.api.problems import Problem

READ: str = APIKey.Scope.READ.value
WRITE: str = APIKey.Scope.WRITE.value
ACCOUNT: str = APIKey.Scope.ACCOUNT.value
ALL_SCOPES = frozenset((READ, WRITE, ACCOUNT))
KEY_MARK = "wq_"
# A key in use is written to once in this time, not with every request.
LAST_USED_GRAIN = timedelta(minutes=1)
MAX_KEYS = 50

_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(r"wq_([a-z0-9]{12})_[A-Za-z0-9]{43,64}")


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that was proven. `id` names its row, `epoch` the user's epoch at that moment."""

    kind: Literal["key", "token", "session"]
    id: str
    epoch: int
    scopes: frozenset[str] = ALL_SCOPES


def new_secret() -> str:
    """Return 43 random letters and digits: 256 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(43))


def replayable_secret(*, key_id: uuid.UUID, idempotency_key: str) -> str:
    """Return a secret that the same request can be answered with again, though nobody kept it."""
    return salted_hmac(f"api key {key_id}", idempotency_key, algorithm="sha256").hexdigest()


def hashed(secret: str) -> str:
    """Return the form in which a secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def written(*, prefix: str, secret: str) -> str:
    """Return the key as its owner writes it."""
    return f"{KEY_MARK}{prefix}_{secret}"


def make_key(
    *, user: User, name: str, scopes: list[str], key_id: uuid.UUID | None = None, secret: str | None = None
) -> tuple[APIKey, str]:
    """Make an API key; return its row and the key itself, which can't be told again.

    Raises Problem 400 `too_many_keys`.
    """
    if user.api_keys.filter(revoked_at=None).count() >= MAX_KEYS:
        raise Problem(400, "too_many_keys", f"An account has at most {MAX_KEYS} keys. Revoke one first.")
    prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
    key = written(prefix=prefix, secret=secret or new_secret())
    row = APIKey.objects.create(
        id=key_id or uuid7(),
        user=user,
        name=name,
        scopes=sorted(scopes),
        prefix=prefix,
        secret_hash=hashed(key),
    )
    return row, key


def revoke_key(*, user: User, key_id: uuid.UUID) -> bool:
    """End a key of this user; return whether there was such a one."""
    found = APIKey.objects.filter(id=key_id, user=user, revoked_at=None)
    return bool(found.update(revoked_at=timezone.now()))


def is_written_like_a_key(text: str) -> bool:
    """Return whether a text has the form of an API key, whoever wrote it."""
    return _KEY.fullmatch(text) is not None


def find_key(key: str) -> APIKey | None:
    """Return the row of a valid key, with its user, in one query; note its use at most once a minute."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    row = APIKey.objects.select_related("user").filter(prefix=match[1], revoked_at=None).first()
    # Compared also when there is no row, so that a prefix can't be guessed by the clock.
    is_same = hmac.compare_digest(row.secret_hash if row else hashed(""), hashed(key))
    if row is None or not is_same:
        return None
    _note_use(row)
    return row


def _note_use(row: APIKey) -> None:
    now = timezone.now()
    before = now - LAST_USED_GRAIN
    if row.last_used_at is None or row.last_used_at < before:
        due = Q(last_used_at=None) | Q(last_used_at__lt=before)
        APIKey.objects.filter(due, id=row.id).update(last_used_at=now)
