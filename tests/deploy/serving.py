"""The web server as it is deployed, on the test's database."""

from __future__ import annotations

import signal

from tests.live import Sandbox, Server, child_environment
from tests.servers import free_port


class Served(Server):
    """`python -m wisqu.serve` on a port of its own; keyword arguments become environment variables."""

    def __init__(self, *, sandbox: Sandbox, **env: str) -> None:
        port = free_port()
        super().__init__(
            name="the deployed web server",
            arguments=["wisqu.serve"],
            port=port,
            ready="/api/v1/health/ready",
            env={**child_environment(sandbox), "PORT": str(port), **env},
        )
        self.url, self.ws_url = self.root, f"ws://127.0.0.1:{port}"

    def tell_to_end(self) -> None:
        """Send SIGTERM and don't wait."""
        self.process.send_signal(signal.SIGTERM)
