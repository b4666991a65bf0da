"""Ids of every object: UUID version 7, which sort by the moment they were made (RFC 9562)."""

import uuid

import uuid_utils.compat


def uuid7() -> uuid.UUID:
    """Return a new time-ordered id, safe to show: it tells when it was made and nothing else."""
    return uuid_utils.compat.uuid7()
