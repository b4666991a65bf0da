"""A whole run, from the door to the worker, is told in the log, and not a word of what people wrote or hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from chat.models import Conversation, TitleJob
from tests.clients import Api
from tests.live import Sandbox, Web
from tests.people import make_user
from tests.telemetry.working import Worker, wait_until

# What is logged does not depend on the database: once is enough.
pytestmark = pytest.mark.skipif(connection.vendor == "postgresql", reason="runs on SQLite")
# Every place where somebody writes something, or holds a secret, has a canary of its own.
CANARY = "canary7x"
PASSWORD = f"{CANARY}-password-1"
MAIL = f"{CANARY}-mail@example.org"

FACTS = {
    "request_id", "turn_id", "duration_ms", "error", "model", "tokens", "cost_usd", "cached_tokens_read",
    "cache_discount_usd", "fallback_used", "models_attempted", "final_model_used", "first_token_ms",
}  # fmt: skip


@pytest.fixture
def site(start_live: Callable[..., Web], sandbox: Sandbox, tmp_path: Path) -> Iterator[tuple[Web, Worker]]:
    env = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "WISQU_VAR": str(tmp_path)}
    web = start_live(**env)
    worker = Worker(sandbox=sandbox, **env)
    yield web, worker
    worker.stop()


def lines_of(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def use_everything(api: Api, web: Web) -> dict[str, str]:
    """Write a canary everywhere; return what else must not be told: tokens and keys."""
    answer = api.ask(f"{CANARY}-question [[echo]] [[pace:fast]]").json()
    conversation = answer["conversation_id"]
    with api.streaming(f"{CANARY}-stream [[fault:cut]]") as events:
        list(events)
    with api.socket() as socket:
        socket.send(type="send", ref=f"{CANARY}-ref", message=f"{CANARY}-socket [[echo]] [[pace:fast]]")
        socket.until("done", "error")
        socket.send(type=f"{CANARY}-frame")
        socket.until("rejected")
    key = api.post("/auth/keys", name=f"{CANARY}-key", scopes=["read"]).json()["key"]
    share = api.http.post(f"/conversations/{conversation}/share", json={}).json()["path"]
    api.post("/presets", name=f"{CANARY}-preset", slug=CANARY, system_prompt=f"{CANARY}-system", model="x/y")
    api.post("/support/tickets", subject=f"{CANARY}-subject", topic="other", text=f"{CANARY}-ticket")
    api.get("/conversations", q=f"{CANARY}-search")
    api.get(f"/{CANARY}-nowhere", x=f"{CANARY}-query")
    api.http.post("/chat", content=f'{{"message": "{CANARY}-broken'.encode())
    api.http.patch("/auth/me", json={"name": f"{CANARY}-name", "email": MAIL})
    api.http.post("/auth/token", json={"email": MAIL, "password": f"{CANARY}-wrong"})
    api.http.post("/auth/register", json={"email": MAIL, "password": PASSWORD})
    outside = httpx.Client(base_url=web.url, trust_env=False)
    outside.get(share)
    outside.get(
        f"/{CANARY}-page", params={"q": f"{CANARY}-query"}, headers={"Cookie": f"sessionid={CANARY}-cookie"}
    )
    outside.get(f"/accounts/password/reset/key/{CANARY}-link/")
    outside.post("/accounts/login/", data={"login": MAIL, "password": PASSWORD})
    outside.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {CANARY}-bearer"})
    return {"key": key, "share": share.rsplit("/", 1)[-1], "access token": api.token}


def test_a_run_is_told_whole_and_without_a_word_of_anybodys(site: tuple[Web, Worker]) -> None:
    web, worker = site
    api = Api(web, make_user(f"{CANARY}-owner@example.org", "premium"))
    secrets = use_everything(api, web)
    wait_until(lambda: TitleJob.objects.filter(status="done").count() >= 2, why=worker.log)
    wait_until(lambda: worker.log().count("job ended") >= 2, why=worker.log)
    logs = web.log() + worker.log()

    assert CANARY in Conversation.objects.order_by("created_at").first().messages.first().content
    told = [
        line for line in logs.splitlines() if CANARY in line or any(each in line for each in secrets.values())
    ]
    assert told == []
    follow_one_turn(lines_of(web.log()), lines_of(worker.log()))


def follow_one_turn(web: list[dict[str, Any]], worker: list[dict[str, Any]]) -> None:
    """Go from the request to the turn to its title's job by the ids that their lines carry."""
    request = next(line for line in web if line["event"] == "request" and line["route"] == "/api/v1/chat")
    assert (request["method"], request["status"]) == ("POST", 200)
    assert request["duration_ms"] > 0

    turn = next(
        line for line in web if line["event"] == "turn ended" and line["request_id"] == request["request_id"]
    )
    assert set(turn) >= FACTS
    assert (turn["state"], turn["error"]) == ("done", None)
    assert turn["tokens"] > 0

    job = next(
        line for line in worker if line["event"] == "job ended" and line.get("turn_id") == turn["turn_id"]
    )
    assert (job["request_id"], job["task"]) == (request["request_id"], "chat.tasks.make_title")
    booked = next(
        line for line in worker if line["event"] == "generation booked" and line["turn_id"] == turn["turn_id"]
    )
    assert (booked["kind"], booked["tokens"] > 0) == ("title", True)
