"""Stripe for tests: localstripe with the stand-in before it, and reports signed with our secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.request
from typing import Any

from django.test import Client

from tests.live import HTTP, Server
from tests.servers import free_port

SECRET = "whsec_only_for_tests"
WEBHOOK = "/api/v1/subscriptions/webhooks/stripe"


class LocalStripe:
    """Both processes. `url` is Stripe's address."""

    def __init__(self) -> None:
        behind, port = free_port(), free_port()
        arguments = ["localstripe", "--from-scratch", "--port", str(behind)]
        self._behind = Server(
            name="localstripe", arguments=arguments, port=behind, ready="/js.stripe.com/v3/", env={}
        )
        arguments = ["tests.billing.stripe_stand_in", "--port", str(port), "--behind", str(behind)]
        self._front = Server(
            name="the stand-in", arguments=arguments, port=port, ready="/_play/asked", env={}
        )
        self.url = self._front.root

    def stop(self) -> None:
        self._front.stop()
        self._behind.stop()

    def pay(self, session: str, **wish: Any) -> dict[str, Any]:
        """Pay at Checkout; `card` is the number typed."""
        return self._play("pay", session=session, **wish)

    def look(self, ref: str, **look: Any) -> None:
        """Let an object look so from now on."""
        self._play("look", id=ref, look=look)

    def fail(self, times: int) -> None:
        """Answer 500 to the next requests."""
        self._play("fail", times=times)

    def decline(self, on: bool) -> None:
        """Let differences of upgrades be declined."""
        self._play("decline", on=on)

    def asked(self) -> list[str]:
        """Return what was asked of Stripe since the last call."""
        return self._play("asked")

    def send_reports_to(self, url: str, *kinds: str) -> None:
        """Let localstripe send its own reports of these kinds there; of no kinds: none."""
        wish = {"url": url, "secret": SECRET, "events": list(kinds)}
        self._post(f"{self._behind.root}/_config/webhooks/ours", wish)

    def _play(self, what: str, **wish: Any) -> Any:
        return json.loads(self._post(f"{self.url}/_play/{what}", wish))

    def _post(self, url: str, body: Any) -> bytes:
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with HTTP.open(request, timeout=20) as answer:
            return answer.read()


def report(kind: str, ref: str, *, event_id: str = "evt_1", of: str = "subscription", **more: Any) -> bytes:
    """Return the body of a report about an object, which claims whatever `more` says."""
    about = {"id": ref, "object": of, **more}
    event = {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "data": {"object": about},
    }
    return json.dumps(event).encode()


def signature(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    """Return what Stripe would put into the header."""
    moment = int(time.time() if at is None else at)
    proof = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={proof}"


def send(body: bytes, signed: str | None = None) -> Any:
    """Post a report, signed with our secret unless told otherwise."""
    headers = {"Stripe-Signature": signature(body) if signed is None else signed}
    return Client(headers=headers).post(WEBHOOK, body, content_type="application/json")
