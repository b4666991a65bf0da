"""Log lines: one shape, the request's id in each, nothing secret in any."""

import io
import json
import logging
import logging.config
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import structlog

from wisqu.env import ROOT
from wisqu.logging import EXTRAS, hide_secrets, logging_config

APPS = ("chat", "imagery", "billing", "presets", "support")


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


def test_the_servers_own_access_lines_are_none(logged):
    stream = logged("json")
    logging.getLogger("uvicorn.access").info('%s - "%s %s"', "127.0.0.1", "GET", "/conversations?q=private")
    assert stream.getvalue() == ""


def test_django_names_the_declared_address_and_not_the_real_one(logged):
    stream = logged("json")
    request = SimpleNamespace(path="/s/private", resolver_match=SimpleNamespace(route="s/<str:token>"))
    logging.getLogger("django.request").warning("Not Found: %s", "/s/private", extra={"request": request})
    assert json.loads(stream.getvalue())["event"] == "Not Found: /s/<str:token>"


def test_facts_of_ours_are_in_the_line_and_those_of_libraries_are_not(logged):
    stream = logged("json")
    logging.getLogger("chat").warning("failed", extra={"error": "timeout", "headers": "private"})
    line = json.loads(stream.getvalue())
    assert line["error"] == "timeout"
    assert "private" not in stream.getvalue()


def test_every_fact_that_the_product_tells_is_let_through():
    told = set()
    for path in [
        *ROOT.glob("wisqu/**/*.py"),
        *(each for app in APPS for each in ROOT.glob(f"{app}/**/*.py")),
    ]:
        for facts in re.findall(r"\blog\.\w+\([^)]*?\bextra=\{([^}]*)\}", path.read_text()):
            told |= set(re.findall(r'"(\w+)":', facts))
    assert told <= set(EXTRAS)


def test_the_values_that_an_error_repeats_are_hidden(logged):
    stream = logged("json")
    try:
        raise ValueError("duplicate key\nDETAIL:  Key (email)=(private) already exists.")
    except ValueError:
        logging.getLogger("chat").exception("failed")
    assert "duplicate key" in stream.getvalue()
    assert "private" not in stream.getvalue()


def test_a_mail_address_is_hidden():
    assert hide_secrets("to a.b+c@mail.example.org, twice") == "to [hidden], twice"


PARENT = """
import logging, uvicorn
from wisqu import serve
def run(server):
    assert server.config.log_config is None
    logging.getLogger("uvicorn.error").info("Stopping parent process [1]")
    server.started = True
uvicorn.Server.run = run
raise SystemExit(serve.main())
"""


def test_the_process_that_looks_after_web_processes_writes_lines_too():
    env = {"DEBUG": "true", "LOG_FORMAT": "json", "WISQU_ENV_FILE": os.devnull, "SECRET_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-c", PARENT], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stderr)["event"] == "Stopping parent process [1]"
