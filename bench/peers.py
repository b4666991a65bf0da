"""Other products that pass tokens on, for whoever has them installed: they are no dependency of ours.

`BENCH_LITELLM` names the Python of an environment that has `litellm[proxy]`, `BENCH_OPENWEBUI` of one that has
`open-webui`. Both run one worker and are told to store and fetch nothing that a question does not need.
"""

from __future__ import annotations

import json
import os
import secrets
import urllib.request
from pathlib import Path

from bench.load import Upstream
from bench.machine import MEASURED, start, wait_for
from tests.servers import free_port
from tools.processes import Family

STARTS_WITHIN_S = 240
LITELLM = """model_list:
  - model_name: m
    litellm_params:
      model: openai/m
      api_base: http://127.0.0.1:{port}/api/v1
      api_key: sk-or-bench
general_settings:
  disable_spend_logs: true
  master_key: {key}
"""


def litellm(family: Family, folder: Path, upstream_port: int) -> Upstream | None:
    """Start LiteLLM's proxy where there is one."""
    python = os.environ.get("BENCH_LITELLM")
    if not python:
        return None
    port = free_port()
    key = f"sk-{secrets.token_hex(32)}"
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(port=upstream_port, key=key))
    arguments = ["-m", "litellm.proxy.proxy_cli", "--config", str(config), "--port", str(port)]
    options = ["--host", "127.0.0.1", "--num_workers", "1"]
    process = start(family, "LiteLLM", [*arguments, *options], cores=MEASURED, python=python)
    wait_for(f"http://127.0.0.1:{port}/health/liveliness", process, within_s=STARTS_WITHIN_S)
    return Upstream("LiteLLM", port, "/v1/chat/completions", process.pid, tokens=[key])


def open_webui(family: Family, folder: Path, upstream_port: int) -> Upstream | None:
    """Start Open WebUI where there is one; its single user is who it makes when sign-in is off."""
    python = os.environ.get("BENCH_OPENWEBUI")
    if not python:
        return None
    port = free_port()
    data = folder / "open-webui"
    data.mkdir()
    env = {
        "FROM_INIT_PY": "true",  # it was installed, not cloned
        "DATA_DIR": str(data),
        "WEBUI_SECRET_KEY": secrets.token_hex(32),
        "WEBUI_AUTH": "false",
        "GLOBAL_LOG_LEVEL": "WARNING",
        "OFFLINE_MODE": "true",
        "HF_HUB_OFFLINE": "1",
        "ENABLE_OLLAMA_API": "false",
        "RAG_EMBEDDING_ENGINE": "openai",
        "ENABLE_TITLE_GENERATION": "false",
        "OPENAI_API_BASE_URL": f"http://127.0.0.1:{upstream_port}/api/v1",
        "OPENAI_API_KEY": "sk-or-bench",
        "OPENAI_API_CONFIGS": json.dumps({"0": {"enable": True, "model_ids": ["m"]}}),
    }
    arguments = ["-m", "uvicorn", "open_webui.main:app", "--port", str(port), "--no-access-log"]
    process = start(family, "Open WebUI", arguments, cores=MEASURED, env=env, python=python)
    root = f"http://127.0.0.1:{port}"
    wait_for(f"{root}/health", process, within_s=STARTS_WITHIN_S)
    signed_in = _sent(f"{root}/api/v1/auths/signin", {"email": "", "password": ""})
    _sent(
        f"{root}/api/models", token=signed_in["token"]
    )  # the list of models is read before one can be asked
    return Upstream("Open WebUI", port, "/api/chat/completions", process.pid, tokens=[signed_in["token"]])


def _sent(address: str, body: dict[str, str] | None = None, token: str = "") -> dict[str, str]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(address, data=data, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
        found: dict[str, str] = json.load(response)
        return found
