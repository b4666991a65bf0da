"""The shipped nginx configuration in a real nginx, before two web processes."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clients import Api, text_of
from tests.deploy.serving import Served
from tests.live import ROOT, Sandbox, end_running_turns
from tests.people import make_user
from tests.servers import free_port
from tools.processes import Family

CONFIGURATION = ROOT / "deploy/nginx/wisqu.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(
    NGINX is None or shutil.which("openssl") is None,
    reason="needs nginx and openssl (apt-get install nginx-light)",
)
MAIN = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream wisqu_web {{ least_conn; {servers} keepalive 16; keepalive_timeout 60s; }}
  include {folder}/wisqu.conf;
}}
"""


class Front:
    """nginx with the shipped site on free ports; `url` and `ws_url` lead through TLS."""

    def __init__(self, family: Family, folder: Path, servers: list[Served]) -> None:
        plain, tls = free_port(), free_port()
        make_certificate(folder)
        site = CONFIGURATION.read_text().replace("listen 8080", f"listen 127.0.0.1:{plain}")
        site = site.replace("listen 8443", f"listen 127.0.0.1:{tls}").replace("/etc/nginx/tls", str(folder))
        (folder / "wisqu.conf").write_text(site)
        names = " ".join(f"server 127.0.0.1:{server.port} max_fails=1 fail_timeout=2s;" for server in servers)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, servers=names))
        command = [str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder)]
        subprocess.run([*command, "-t", "-q"], check=True)
        family.start("nginx", command)
        self.plain = f"http://127.0.0.1:{plain}"
        self.url, self.ws_url = f"https://127.0.0.1:{tls}", f"wss://127.0.0.1:{tls}"
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.plain}/proxy-alive", trust_env=False)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return


def make_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def servers(transactional_db: None, sandbox: Sandbox) -> Iterator[list[Served]]:
    env = {"SHUTDOWN_NOTICE_SECONDS": "1", "SHUTDOWN_GRACE_SECONDS": "10"}
    started = [Served(sandbox=sandbox, **env) for _ in range(2)]
    yield started
    for server in started:
        server.stop()
    end_running_turns()


@pytest.fixture
def front(servers: list[Served], tmp_path: Path) -> Iterator[Front]:
    with Family() as family:
        yield Front(family, tmp_path, servers)


def through(front: Front) -> Api:
    api = Api(front, make_user(plan="premium"))
    api.http = httpx.Client(
        base_url=f"{front.url}/api/v1", headers=api.http.headers, verify=False, timeout=30
    )
    return api


def untrusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_streams_sockets_and_restarts_pass_the_proxy(front: Front, servers: list[Served]) -> None:
    api = through(front)
    with api.streaming("[[words:60]] [[pace:20ms]]") as events:
        began = time.monotonic()
        first = next(event for event in events if event["type"] == "content")
        waited = time.monotonic() - began
        text = text_of([first, *events])
    assert text.split()[-1] == "w60"
    assert time.monotonic() - began > waited + 0.5, "the proxy kept the stream until its end"

    with api.socket(ssl=untrusting()) as socket:
        socket.send(type="send", message="[[words:5]] [[pace:fast]]")
        assert socket.until("done", "error")[-1]["type"] == "done"

    servers[0].tell_to_end()
    statuses = [api.ask("hello [[pace:fast]]").status_code for _ in range(20)]
    servers[0].process.wait(timeout=60)
    statuses += [api.get("/auth/me").status_code for _ in range(20)]
    assert set(statuses) == {200}


def test_the_door_to_the_world_is_narrow(front: Front) -> None:
    api = through(front)
    assert [api.get(f"/health/{name}").status_code for name in ("metrics", "detailed")] == [404, 404]
    plain = httpx.get(f"{front.plain}/c/1?q=x", trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (308, "https://127.0.0.1/c/1?q=x")
    assert api.http.post("/chat", content=b"x" * 3_000_000).status_code == 413
    answer = api.get("/auth/me")
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    assert "nginx/" not in answer.headers["server"]
