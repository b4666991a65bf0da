"""Unexpected exceptions, told to Sentry where a DSN is set; without anything that somebody wrote."""

from __future__ import annotations

from typing import Any

from structlog.contextvars import get_contextvars

from wisqu.logging import CONTEXT, hide_secrets, without_values

_KEPT_OF_REQUEST = ("method",)


def report_crashes(dsn: str, *, release: str = "", environment: str = "production") -> None:
    """Send crashes to Sentry from now on; an empty DSN: don't, and don't load it."""
    if not dsn:
        return
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=release or None,
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=0.0,
        # Errors that are logged are crashes; lines below that are not.
        integrations=[LoggingIntegration(level=None)],
        before_send=_scrubbed,
    )


def _scrubbed(event: Any, _hint: Any) -> Any:
    """Leave of an event what went wrong and where."""
    request = event.pop("request", {})
    event["request"] = {name: request[name] for name in _KEPT_OF_REQUEST if name in request}
    for name in ("user", "breadcrumbs", "extra", "server_name", "transaction"):
        event.pop(name, None)
    event["tags"] = {name: value for name, value in get_contextvars().items() if name in CONTEXT}
    for crash in event.get("exception", {}).get("values", []):
        crash["value"] = hide_secrets(without_values(str(crash.get("value") or "")))
    return event
