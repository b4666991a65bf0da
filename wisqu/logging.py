"""One shape for every log line: structlog's events and the standard library's records, as JSON or for eyes.

Nothing secret may leave through a log, so the finished line is searched for what looks like a key, a token, a
password in an address or a mail address; tracebacks never show local variables, where prompts and keys live, and
errors of libraries leave out the values that they repeat. Addresses that were asked for are logged as they are
declared (`/c/<uuid:id>`): the real ones hold search words and the tokens of links.
"""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

SECRET = re.compile(
    r"""(?x)
    (?P<keep>
        \bBearer\s+
      | ://[^\s:/@"']*:(?=[^\s@/"']+@)                      # password in an address
      | ["']?\b(?:password|api_?key|secret(?:_key)?|authorization|cookie|sessionid|csrftoken
                 |access_token|refresh_token|token|refresh)["']?\s*[=:]\s*(?:Bearer\s+)?["']?
    )
    [^\s"',;&@}\\]+
    | \b(?:sk-or-|sk_(?:live|test)_|whsec_|wqr?_)[\w-]+
    | \beyJ[\w-]+\.[\w-]+\.[\w-]+                          # a JWT
    """,
    re.IGNORECASE,
)
MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[a-z]{2,24}\b", re.IGNORECASE)
HIDDEN = "[hidden]"
# What is bound to a request, a turn or a job, and stands in each of its lines.
CONTEXT = ("request_id", "turn_id", "task_id", "task")
# What `extra=` may add to a line: facts of ours, by name. Libraries put whole requests and arguments there.
EXTRAS = (
    *CONTEXT, "about", "action", "attempt", "bytes", "cache_discount_usd", "cached_tokens_read",
    "cached_tokens_written", "check", "code", "conversation_id", "cost_usd", "count", "duration_ms", "error",
    "fallback_used", "final_model_used", "first_token_ms", "generation_id", "image_id", "key", "kind", "method",
    "model", "models_attempted", "plan", "provider", "reason", "ref", "route", "savings_usd", "socket_id", "state",
    "status", "status_code", "template", "tokens", "user_id", "webhook", "why",
)  # fmt: skip
# Where PostgreSQL and pydantic repeat the value that they refuse.
_VALUES = re.compile(r"(DETAIL:|CONTEXT:|input_value=)[^\n]*")


def hide_secrets(line: str) -> str:
    """Return `line` with keys, tokens, passwords and mail addresses replaced."""
    line = SECRET.sub(lambda match: (match["keep"] or "") + HIDDEN, line)
    return MAIL.sub(HIDDEN, line) if "@" in line else line


def without_values(text: str) -> str:
    """Return an error's words without the values that libraries repeat in them."""
    return _VALUES.sub(lambda match: match[1] + HIDDEN, text)


def _keep_values_out(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if "exception" in event:
        event["exception"] = without_values(str(event["exception"]))
    return event


def _renderer(*, output: str) -> Processor:
    # Locals in tracebacks would print keys and prompts, and take seconds to format.
    render: Processor
    if output == "json":
        render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        render = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )

    def rendered(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
        return hide_secrets(str(render(logger, name, event)))

    return rendered


class Pathless(logging.Filter):
    """Puts the declared address into Django's lines, in the place of the one that was asked for."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            record.args = tuple(
                route_of(request) if each == getattr(request, "path", None) else each for each in record.args
            )
        return True


class NoAddressOfSockets(logging.Filter):
    """Drops the server's lines about single websockets."""

    def filter(self, record: logging.LogRecord) -> bool:
        return '"WebSocket ' not in str(record.msg)


def route_of(request: Any) -> str:
    """Return the address of a request as it is declared; `?` for one that is declared nowhere."""
    match = getattr(request, "resolver_match", None)
    return f"/{match.route}" if match is not None and match.route else "/" if match is not None else "?"


def logging_config(*, level: str, output: str) -> dict[str, Any]:
    """Return Django's LOGGING for `level` and `output` ("json" or "console"), and set structlog up alike."""
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,  # the request's id, bound by the middleware
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    logging.captureWarnings(True)  # they are lines of the log like all others
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if output == "json":
        last += [structlog.processors.format_exc_info, _keep_values_out]
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*common, structlog.stdlib.ExtraAdder(allow=EXTRAS)],
        "processors": [*last, _renderer(output=output)],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "filters": {"pathless": {"()": Pathless}, "sockets": {"()": NoAddressOfSockets}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": _loggers(level=level),
    }


def _loggers(*, level: str) -> dict[str, Any]:
    """Settle libraries that bring handlers of their own, or say more than anybody asked for."""
    through_root = {"handlers": [], "propagate": True, "level": level}
    quiet = {"level": max(level, "WARNING", key=logging.getLevelNamesMapping().__getitem__)}
    return {
        "django": through_root,
        "django.server": through_root,
        "uvicorn": through_root,
        # Its lines about sockets hold the whole address, and at DEBUG each frame.
        "uvicorn.error": {
            **through_root,
            "level": max(level, "INFO", key=logging.getLevelNamesMapping().__getitem__),
            "filters": ["sockets"],
        },
        # Every request has a line of ours (`wisqu.api.middleware`); this one would repeat the whole address.
        "uvicorn.access": {**quiet, "handlers": [], "propagate": False},
        "django.request": {**through_root, "filters": ["pathless"]},
        "django.security": {**through_root, "filters": ["pathless"]},
        "django.security.csrf": {**through_root, "filters": ["pathless"]},
        "celery": through_root,
        # Regular jobs run every few seconds; what fails is still said.
        "celery.beat": quiet,
        "celery.worker.strategy": quiet,
        "celery.app.trace": quiet,
        # These log addresses, headers, bodies or values at INFO and DEBUG.
        "django.db.backends": quiet,
        "django.template": quiet,
        "httpx": quiet,
        "httpx2": quiet,
        "httpcore": quiet,
        "openai": quiet,
        "asyncio": quiet,
        "urllib3": quiet,
        "daphne": quiet,
    }
