"""`python -m wisqu.sandbox --port N`: serve the sandbox; prints one line when it is ready."""

import argparse
import logging
import socket
import sys

import uvicorn


class _Server(uvicorn.Server):
    """Says where it listens once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            sys.stdout.write(f"OpenRouter sandbox ready on http://{host}:{port}/api/v1\n")
            sys.stdout.flush()


def _quiet_cuts(record: logging.LogRecord) -> bool:
    """A scripted cut leaves an answer unfinished on purpose; the server need not complain."""
    return "without completing response" not in record.getMessage()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m wisqu.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8009, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    config = uvicorn.Config(
        "wisqu.sandbox.app:app",
        host=options.host,
        port=options.port,
        log_level="error",
        access_log=False,
        backlog=4096,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    logging.getLogger("uvicorn.error").addFilter(_quiet_cuts)
    _Server(config).run()


if __name__ == "__main__":
    main()
