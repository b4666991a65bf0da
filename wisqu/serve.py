"""The web server as it is deployed: `python -m wisqu.serve`, with the options that hold under load and at its end.

HOST (127.0.0.1), PORT (8000), WEB_CONCURRENCY (1 process) and FORWARDED_ALLOW_IPS (127.0.0.1: whose word on the
visitor's address and scheme is taken) are read from the environment.
"""

from __future__ import annotations

import contextlib
import logging.config
import os
import sys
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from wisqu import env
from wisqu.logging import logging_config

# A frame may be as large as a request body.
LARGEST_FRAME = 2 * 1024 * 1024
# Longer than a proxy keeps its own end: who closes first must not be the one that is about to be asked.
KEEP_ALIVE_S = 75


def options(environment: env.Environment) -> dict[str, Any]:
    """Return uvicorn's options."""
    return {
        "host": os.environ.get("HOST") or "127.0.0.1",
        "port": int(os.environ.get("PORT") or 8000),
        "workers": int(os.environ.get("WEB_CONCURRENCY") or 1),
        "http": "wisqu.patience:PatientRequests",
        "ws": "wisqu.patience:PatientSockets",
        "proxy_headers": True,
        "forwarded_allow_ips": os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1",
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": environment.shutdown_grace_seconds,
        "ws_max_size": LARGEST_FRAME,
        "server_header": False,
        "access_log": False,
        "log_config": None,  # ours holds, in the process that looks after the others too
        "backlog": 4096,
    }


def main() -> int:
    """Serve until told to stop; exit status 2 for a wrong environment."""
    try:
        environment = env.load()
    except env.BadEnvironment as bad:
        sys.stderr.write(f"{bad}\n")
        return 2
    logging.config.dictConfig(logging_config(level=environment.log_level, output=environment.log_format))
    config = uvicorn.Config("wisqu.asgi:application", **options(environment))
    if config.workers > 1:
        Processes(config, [config.bind_socket()]).run()
        return 0
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else STARTUP_FAILURE


class Processes(Multiprocess):
    """Web processes that share a port; whoever looks after them keeps it open no longer than they do.

    Who comes to a port that is open, and that nobody looks at any more, waits for an answer until it is reset.
    """

    def terminate_all(self) -> None:
        """Tell them to end."""
        super().terminate_all()
        for each in self.sockets:
            each.close()


if __name__ == "__main__":
    raise SystemExit(main())
