"""Jobs over Redis as Celery carries them, with one thing mended: a line that breaks ends no worker.

A worker whose line to Redis is gone closes it twice. The second time it wants to give unfinished jobs back over a line
that knows no address any more, which ends the process and all that it is doing. Nothing is lost without that: Redis
gives such jobs out again itself.
"""

from __future__ import annotations

from kombu.transport import redis


class Channel(redis.Channel):
    """Redis' channel, which gives nothing back over a line that is closed."""

    @property
    def do_restore(self) -> bool:
        """Tell whether unfinished jobs can be given back."""
        return getattr(self.connection, "client", None) is not None


def mend() -> None:
    """Let every connection of this process use it."""
    redis.Transport.Channel = Channel
