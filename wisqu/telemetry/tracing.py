"""OpenTelemetry traces of requests, turns and jobs, sent to a collector where one is named; nothing at all otherwise.

Spans hold names, ids and numbers, never what somebody wrote. The SDK is imported only when traces are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

Values = Mapping[str, str | int | float | bool]
_NOTHING: AbstractContextManager[None] = nullcontext()

_tracer: Any = None
_provider: Any = None


def start(endpoint: str, *, service: str, version: str) -> None:
    """Send traces to the OTLP/HTTP collector at `endpoint` (its base address) from now on; empty: don't."""
    global _tracer, _provider
    if not endpoint or _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Not `Resource.create`: that adds the command line, and with it what somebody passed there.
    _provider = TracerProvider(
        resource=Resource({"service.name": service, "service.version": version}), shutdown_on_exit=True
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("wisqu")


def flush() -> None:
    """Send what waits, for a process that is about to end."""
    if _provider is not None:
        _provider.force_flush(5_000)


def span(name: str, **facts: Any) -> AbstractContextManager[Any]:
    """Return the block's span, inside whatever span is open; None is what the block gets without tracing."""
    if _tracer is None:
        return _NOTHING
    return _open(name, facts, parent=None)


def span_from(carried: Mapping[str, str], name: str, **facts: Any) -> AbstractContextManager[Any]:
    """Do the same below a span of another process, as `carry` told of it."""
    if _tracer is None:
        return _NOTHING
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return _open(name, facts, parent=TraceContextTextMapPropagator().extract(dict(carried)))


@contextmanager
def _open(name: str, facts: Values, *, parent: Any) -> Iterator[Any]:
    # An error's words may repeat what somebody wrote: its kind is told, not its message.
    options: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(name, context=parent, attributes=_told(facts), **options) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            raise


def tell(current: Any, **facts: Any) -> None:
    """Add facts to a span; None stands for no tracing, and facts that are None are left out."""
    if current is not None:
        current.set_attributes(_told(facts))


def carry() -> dict[str, str]:
    """Return what another process needs to go on with the present trace; empty without tracing."""
    if _tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers


def _told(facts: Values) -> dict[str, Any]:
    return {
        name: value if isinstance(value, (str, int, float, bool)) else str(value)
        for name, value in facts.items()
        if value is not None
    }
