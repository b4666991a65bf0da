"""Traces of a turn and crashes: told to whoever the settings name, without anybody's words; else not even loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.clients import Api
from tests.live import ROOT, Web
from tests.people import make_user
from tests.telemetry.receiving import Receiver

pytestmark = pytest.mark.skipif(connection.vendor == "postgresql", reason="runs on SQLite")
CANARY = "canary9q"
LOADED = """
import sys, os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
import wisqu.asgi
print(sorted({name.split(".")[0] for name in sys.modules} & {"opentelemetry", "sentry_sdk", "google"}))
"""
CRASH = """
import logging, sys
from wisqu.telemetry.crashes import report_crashes
report_crashes(sys.argv[1], release="1")
import sentry_sdk
def fail(secret):
    try:
        raise ValueError("bad row DETAIL:  Key (email)=(canary9q@example.org) canary9q")
    except ValueError:
        logging.getLogger("chat").exception("failed")
fail("canary9q-local")
sentry_sdk.flush(10)
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


def spans(receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, body in receiver.received:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                found |= {span.name: span for span in scope.spans if not is_health(span)}
    return found


def is_health(span: Any) -> bool:
    return any(fact.key == "route" and "/health" in fact.value.string_value for fact in span.attributes)


def test_a_turn_is_one_trace_from_the_request_to_the_model(
    start_live: Callable[..., Web], receiver: Receiver
) -> None:
    web = start_live(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    Api(web, make_user(plan="premium")).ask(f"{CANARY} [[echo]] [[pace:fast]]")
    web.stop()  # what waits is sent before it ends

    found = spans(receiver)
    assert {"request", "open turn", "turn", "model"} <= set(found)
    request, turn, model = found["request"], found["turn"], found["model"]
    assert {each.trace_id for each in (turn, model, found["open turn"])} == {turn.trace_id}
    assert (model.parent_span_id, turn.parent_span_id) == (turn.span_id, request.span_id)
    assert CANARY.encode() not in b"".join(body for _, body in receiver.received)


def test_a_crash_is_told_without_values_or_people(receiver: Receiver) -> None:
    dsn = f"http://key@127.0.0.1:{receiver.port}/1"
    subprocess.run([sys.executable, "-c", CRASH, dsn], cwd=ROOT, check=True, timeout=60, capture_output=True)
    events = [
        json.loads(line)
        for _, body in receiver.received
        for line in body.splitlines()
        if line.startswith(b"{") and b'"exception"' in line
    ]
    assert [value["type"] for value in events[0]["exception"]["values"]] == ["ValueError"]
    assert CANARY.encode() not in b"".join(body for _, body in receiver.received)


def test_what_nobody_asked_for_is_not_loaded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
