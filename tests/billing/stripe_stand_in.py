"""What localstripe lacks of Stripe, in front of it: prices, Checkout, the portal, newer fields. A process of its own.

    python -m tests.billing.stripe_stand_in --port PORT --behind LOCALSTRIPE_PORT

Everything else is passed on. `/_play/…` is for tests: pay a session, change what an object looks like, fail.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientSession, web

GOOD_CARD, DECLINED_CARD = "4242424242424242", "4000000000000341"  # the second attaches, and fails to pay


class StandIn:
    """State and routes."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.prices: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.failures = 0
        self.declines = False

    async def pass_on(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        async with (
            ClientSession(trust_env=False) as http,
            http.request(
                method, self.behind + path, json=data, headers={"Authorization": "Bearer sk_test_1"}
            ) as r,
        ):
            return r.status, json.loads(await r.text() or "{}")

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request as Stripe would."""
        text = await request.text()
        if request.path.startswith("/_play/"):
            return web.json_response(await self.play(request.path, json.loads(text or "{}")))
        self.asked.append(f"{request.method} {request.path}")
        if self.failures:
            self.failures -= 1
            return web.json_response({"error": {"type": "api_error", "message": "down"}}, status=500)
        key = request.headers.get("Idempotency-Key", "")
        if key and key in self.answers:
            return web.json_response(self.answers[key])
        status, answer = await self.route(request, dict(parse_qsl(text)))
        if key and status == 200:
            self.answers[key] = answer
        return web.json_response(answer, status=status)

    async def route(self, request: web.Request, form: dict[str, str]) -> tuple[int, Any]:
        method, path = request.method, request.path
        query = f"?{request.query_string}" if request.query_string else ""
        if path == "/v1/prices":
            return await self.prices_of(method, form, dict(request.query))
        if path.startswith("/v1/checkout/sessions"):
            return self.checkout(method, path, form)
        if path == "/v1/billing_portal/sessions":
            return 200, {
                "id": "bps_1",
                "object": "billing_portal.session",
                "url": f"https://portal/{form['customer']}",
            }
        if method == "POST" and re.fullmatch(r"/v1/subscriptions/sub_\w+", path):
            return await self.update(path, form)
        status, answer = await self.pass_on(method, path + query, nested(form) if form else None)
        return status, self.dressed(answer)

    async def prices_of(self, method: str, form: dict[str, str], query: dict[str, str]) -> tuple[int, Any]:
        if method == "GET":
            key = query["lookup_keys[0]"]
            return 200, {"object": "list", "data": [self.prices[key]] if key in self.prices else []}
        key, interval = form["lookup_key"], form["recurring[interval]"]
        plan = {"id": f"price_{key}", "amount": int(form["unit_amount"]), "currency": form["currency"]}
        await self.pass_on(
            "POST",
            "/v1/plans",
            plan | {"interval": interval, "product": {"name": form["product_data[name]"]}},
        )
        self.prices[key] = {"id": plan["id"], "object": "price", "lookup_key": key}
        return 200, self.prices[key]

    def checkout(self, method: str, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/v1/checkout/sessions":
            ref = f"cs_test_{len(self.sessions)}"
            self.sessions[ref] = {
                "id": ref,
                "object": "checkout.session",
                "status": "open",
                "url": f"https://checkout/{ref}",
                "customer": form["customer"],
                "subscription": None,
                "metadata": {"order": form["metadata[order]"]},
                "price": form["line_items[0][price]"],
            }
            return 200, self.sessions[ref]
        session = self.sessions[path.split("/")[4]]
        if path.endswith("/expire"):
            session["status"] = "expired"
        return 200, session

    async def update(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        """Change a subscription; localstripe knows neither prices here nor how to charge the difference."""
        ref = path.rsplit("/", 1)[1]
        if form.get("payment_behavior") == "error_if_incomplete" and self.declines:
            error = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}
            return 402, {"error": error}
        changes: dict[str, Any] = {
            "cancel_at_period_end": form.get("cancel_at_period_end", "false") == "true"
        }
        if "items[0][price]" in form:
            changes["items"] = [{"plan": form["items[0][price]"]}]
        status, answer = await self.pass_on("POST", path, changes)
        if status == 200 and form.get("proration_behavior") == "always_invoice":
            made = (
                await self.pass_on(
                    "POST", "/v1/invoices", {"customer": answer["customer"], "subscription": ref}
                )
            )[1]
            await self.pass_on("POST", f"/v1/invoices/{made['id']}/pay")
            answer = (await self.pass_on("GET", path))[1]
        return status, self.dressed(answer)

    def dressed(self, answer: Any) -> Any:
        """Return the object as newer versions show it, and as the test wants it to look."""
        if not isinstance(answer, dict):
            return answer
        look = self.looks.get(str(answer.get("id")), {})
        if answer.get("object") == "subscription":
            item = answer["items"]["data"][0]
            item["price"] = {"id": answer["plan"]["id"], "object": "price"}
            for bound in ("current_period_start", "current_period_end"):
                item[bound] = look.get(bound, answer.pop(bound))
            if isinstance(answer.get("latest_invoice"), dict):
                answer["latest_invoice"] |= look.get("latest_invoice", {})
        return answer | {name: value for name, value in look.items() if name != "latest_invoice"}

    async def play(self, path: str, wish: dict[str, Any]) -> Any:
        if path == "/_play/pay":
            return await self.pay(self.sessions[wish["session"]], wish.get("card", GOOD_CARD))
        if path == "/_play/look":
            self.looks.setdefault(wish["id"], {}).update(wish["look"])
        elif path == "/_play/fail":
            self.failures = wish["times"]
        elif path == "/_play/decline":
            self.declines = wish["on"]
        elif path == "/_play/asked":
            asked, self.asked = self.asked, []
            return asked
        return {}

    async def pay(self, session: dict[str, Any], number: str) -> Any:
        card = {"number": number, "exp_month": "12", "exp_year": str(time.gmtime().tm_year + 5), "cvc": "123"}
        made = (await self.pass_on("POST", "/v1/payment_methods", {"type": "card", "card": card}))[1]
        customer = session["customer"]
        await self.pass_on("POST", f"/v1/payment_methods/{made['id']}/attach", {"customer": customer})
        settings = {"invoice_settings": {"default_payment_method": made["id"]}}
        await self.pass_on("POST", f"/v1/customers/{customer}", settings)
        asked = {"customer": customer, "items": [{"plan": session["price"]}], "metadata": session["metadata"]}
        status, subscription = await self.pass_on("POST", "/v1/subscriptions", asked)
        if status == 200 and subscription["status"] != "incomplete":
            session |= {"status": "complete", "subscription": subscription["id"]}
        return {"status": status, "subscription": subscription, "session": session}


def nested(form: dict[str, str]) -> dict[str, Any]:
    """Return `{"a[b]": 1}` as `{"a": {"b": 1}}`."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        *path, last = re.findall(r"[^\[\]]+", name)
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return tree


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--behind", type=int, required=True)
    arguments = parser.parse_args()
    stand_in = StandIn(f"http://127.0.0.1:{arguments.behind}")
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", stand_in.serve)
    web.run_app(app, host="127.0.0.1", port=arguments.port, print=None)


if __name__ == "__main__":
    main()
