"""Jobs over Redis as Celery carries them, with one thing mended: a line that breaks ends no worker.

A job that is done after its line to Redis broke is acknowledged over a line that knows no address any more, and what is
unfinished is given back over it. Either ends the whole process, with all that it is doing, by an error that nobody
expects there. As an error of the line it is expected: Redis gives such jobs out again, and whoever gets one finds it
done.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as LineBroken


class Channel(redis.Channel):
    """Redis' channel, which says so when its line is gone."""

    def _connparams(self, asynchronous: bool = False) -> Any:
        if getattr(self.connection, "client", None) is None:
            raise LineBroken("The line to Redis was closed.")
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # unknown to the stubs


def mend() -> None:
    """Let every connection of this process use it."""
    redis.Transport.Channel = Channel
