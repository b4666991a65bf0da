"""What a server says of the key it is asked with, read into a value."""

from decimal import Decimal

import msgspec
from msgspec import Struct

from wisqu.openrouter.errors import MalformedReply


class KeyState(Struct, frozen=True):
    """What the key may spend and has spent, in USD. `limit` and `limit_remaining` None: there is no limit."""

    usage: Decimal = Decimal(0)
    limit: Decimal | None = None
    limit_remaining: Decimal | None = None


class _KeyReply(Struct):
    data: KeyState


def decode_key(body: bytes) -> KeyState:
    """Read the reply. Raises MalformedReply."""
    try:
        return msgspec.json.decode(body, type=_KeyReply, strict=False).data
    except (ValueError, RecursionError) as error:
        raise MalformedReply from error
