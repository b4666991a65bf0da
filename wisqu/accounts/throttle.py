"""How often a password may be tried and a mail asked for: per account and address, shared by pages and API.

Every try counts before its outcome is known, so that parallel guesses can't slip through; a right password
clears the account's count (only somebody who knows it can), never the address's.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import time

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from wisqu.api.problems import Problem

log = logging.getLogger(__name__)

TRIES_PER_ACCOUNT = RateLimitItemPerMinute(10, 5, namespace="sign-in-account")
TRIES_PER_ADDRESS = RateLimitItemPerMinute(30, 1, namespace="sign-in-address")
SIGN_UPS_PER_ADDRESS = RateLimitItemPerHour(30, 1, namespace="sign-up-address")
MAILS_PER_ACCOUNT = RateLimitItemPerMinute(1, 3, namespace="mail-account")
REFRESHES_PER_ADDRESS = RateLimitItemPerMinute(300, 1, namespace="refresh-address")


class TooManyTries(Problem):
    """Refused before anything was looked up, for known and unknown accounts alike."""

    status = 429
    code = "too_many_attempts"
    detail = "Too many attempts. Wait a moment and try again."

    def __init__(self, seconds: int) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})
        self.seconds = seconds


@functools.cache
def _local() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


@functools.cache
def _shared() -> MovingWindowRateLimiter:
    """Count in Redis where there is one: several processes then share the count."""
    if not settings.REDIS_URL:
        return _local()
    storage = storage_from_string(settings.REDIS_URL, wrap_exceptions=True, key_prefix="wisqu-throttle")
    return MovingWindowRateLimiter(storage)


def hit(limit: RateLimitItem, who: str) -> None:
    """Count one try. Raises TooManyTries when the window is full."""
    key = _key(who)
    try:
        _hit(_shared(), limit, key)
    except StorageError:
        log.warning("throttle storage unavailable, counting in this process")
        _hit(_local(), limit, key)


def _hit(limiter: MovingWindowRateLimiter, limit: RateLimitItem, key: str) -> None:
    if not limiter.hit(limit, key):
        reset_at = limiter.get_window_stats(limit, key).reset_time
        raise TooManyTries(max(1, int(reset_at - time.time()) + 1))


def allows(limit: RateLimitItem, who: str) -> bool:
    """Count one try and tell whether it is allowed."""
    try:
        hit(limit, who)
    except TooManyTries:
        return False
    return True


def clear(limit: RateLimitItem, who: str) -> None:
    """Forget the tries of one account."""
    try:
        _shared().clear(limit, _key(who))
    except StorageError:
        _local().clear(limit, _key(who))


def count_password_try(*, account: str, address: str) -> None:
    """Count one try of a password. Raises TooManyTries."""
    hit(TRIES_PER_ADDRESS, address)
    hit(TRIES_PER_ACCOUNT, account)


def forget_password_tries(*, account: str) -> None:
    """A right password was given: the account's count starts anew."""
    clear(TRIES_PER_ACCOUNT, account)


def _key(who: str) -> str:
    # Hashed, so that the store holds no addresses; lower case, so that spelling opens no second count.
    return hashlib.sha256(who.strip().lower().encode()).hexdigest()[:32]
