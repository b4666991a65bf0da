"""One shape for every log line: structlog's events and the standard library's records, as JSON or for eyes.

Nothing secret may leave through a log, so the finished line is searched for what looks like a key, a token
or a password in an address; tracebacks never show local variables, where prompts and keys live.
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
HIDDEN = "[hidden]"


def hide_secrets(line: str) -> str:
    """Return `line` with keys, tokens and passwords replaced."""
    return SECRET.sub(lambda match: (match["keep"] or "") + HIDDEN, line)


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


class NotHealth(logging.Filter):
    """Drops the access lines of health checks, which come every second and say nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/api/v1/health" not in record.getMessage()


def logging_config(*, level: str, output: str) -> dict[str, Any]:
    """Return Django's LOGGING for `level` and `output` ("json" or "console"), and set structlog up alike."""
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,  # the request's id, bound by the middleware
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
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
        last.append(structlog.processors.format_exc_info)
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*common, structlog.stdlib.ExtraAdder(allow=["request_id", "task_id"])],
        "processors": [*last, _renderer(output=output)],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "filters": {"not_health": {"()": NotHealth}},
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
        "uvicorn.error": through_root,
        "uvicorn.access": {**through_root, "filters": ["not_health"]},
        "celery": through_root,
        # Regular jobs run every few seconds; what fails is still said.
        "celery.beat": quiet,
        "celery.worker.strategy": quiet,
        "celery.app.trace": quiet,
        # These log addresses, headers or bodies at INFO and DEBUG.
        "httpx": quiet,
        "httpx2": quiet,
        "httpcore": quiet,
        "openai": quiet,
        "asyncio": quiet,
        "urllib3": quiet,
        "daphne": quiet,
    }


def report_crashes(dsn: str) -> None:
    """Send unexpected exceptions to Sentry; without local variables, bodies or anything about people."""
    if not dsn:
        return
    import sentry_sdk  # optional: the environment check refuses a DSN without it

    sentry_sdk.init(
        dsn=dsn, send_default_pii=False, include_local_variables=False, max_request_body_size="never"
    )
