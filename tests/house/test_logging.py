"""Log lines: one shape, the request's id in each, nothing secret in any."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest
import structlog

from wisqu.logging import hide_secrets, logging_config


@pytest.fixture
def logged() -> Iterator[Callable[[str], io.StringIO]]:
    """Set logging up for an output and return where the lines go."""
    kept = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(output: str) -> io.StringIO:
        stream = io.StringIO()
        config = logging_config(level="INFO", output=output)
        config["handlers"]["stderr"]["stream"] = stream
        logging.config.dictConfig(config)
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**kept)


def test_a_json_line_holds_event_facts_and_request(logged):
    stream = logged("json")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("chat").info("turn ended", tokens=3)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["tokens"], line["request_id"], line["level"]) == (
        "turn ended",
        3,
        "r-1",
        "info",
    )


def test_records_of_other_libraries_have_the_same_shape(logged):
    stream = logged("json")
    with structlog.contextvars.bound_contextvars(request_id="r-2"):
        logging.getLogger("django.request").warning("Not Found: %s", "/x")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["request_id"], line["logger"]) == ("Not Found: /x", "r-2", "django.request")


@pytest.mark.parametrize("output", ["json", "console"])
def test_a_traceback_shows_no_local_variables(logged, output):
    stream = logged(output)
    prompt = "".join(["very", "private", "question"])
    try:
        raise ValueError(len(prompt))
    except ValueError:
        structlog.get_logger("chat").exception("failed")
    assert "ValueError: 19" in stream.getvalue()
    assert prompt not in stream.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer hunter2",
        "using sk-or-v1-hunter2",
        "key wq_hunter2",
        '{"password": "hunter2"}',
        "{'api_key': 'hunter2'}",
        "postgres://me:hunter2@db/wisqu",
        "GET /ws/chat?token=hunter2&x=1",
        "cookie=sessionid=hunter2",
        "eyJhbGci.hunter2.c2ln",
    ],
)
def test_a_secret_is_hidden(line):
    assert "hunter2" not in hide_secrets(line)


@pytest.mark.parametrize("line", ["tokens=12 cost=0.5", "a token of thanks", "http://127.0.0.1:8000/x@y"])
def test_harmless_lines_stay_as_they_are(line):
    assert hide_secrets(line) == line


def test_health_checks_leave_no_access_line(logged):
    stream = logged("json")
    access = logging.getLogger("uvicorn.access")
    access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", "/api/v1/health/ready", "1.1", 200)
    access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", "/docs", "1.1", 200)
    assert [json.loads(line)["event"][-25:] for line in stream.getvalue().splitlines()] == [
        '1 - "GET /docs HTTP/1.1" 200'[-25:]
    ]
