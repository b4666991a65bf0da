"""What the product counts, for Prometheus: right with any number of processes, and few series.

Each process counts into files of its own under `var/metrics` (`slots`); whoever is asked adds up all of them. Labels
come from closed lists: routes as they are declared, states, kinds, and models up to `MOST_MODELS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from wisqu.env import var_folder
from wisqu.telemetry.slots import Slots

FOLDER = var_folder() / "metrics"
slots = Slots(FOLDER)
# prometheus_client reads its folder from the environment whenever it opens a file.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)
values.ValueClass = values.MultiProcessValue(process_identifier=slots.mine)  # type: ignore[no-untyped-call]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
# A catalogue is longer; which hundred are asked most is what a graph can show.
MOST_MODELS = 100
OTHER = "other"

_defined: list[Counter | Gauge | Histogram] = []
M = TypeVar("M", Counter, Gauge, Histogram)


def _counter(name: str, text: str, labels: Iterable[str] = ()) -> Counter:
    return _known(Counter(f"wisqu_{name}", text, labels, registry=None))


def _gauge(name: str, text: str, labels: Iterable[str] = (), *, mode: Any = "livesum") -> Gauge:
    return _known(Gauge(f"wisqu_{name}", text, labels, registry=None, multiprocess_mode=mode))


def _histogram(name: str, text: str, labels: Iterable[str] = (), *, buckets: Iterable[float]) -> Histogram:
    return _known(Histogram(f"wisqu_{name}", text, labels, registry=None, buckets=tuple(buckets)))


def _known(metric: M) -> M:
    _defined.append(metric)
    return metric


REQUESTS = _counter("http_requests", "Requests that were answered.", ["method", "route", "status"])
REQUEST_SECONDS = _histogram(
    "http_request_seconds",
    "Time until an answer began, by the part of the site.",
    ["area"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)
TURNS = _counter("turns", "Answers that ended, by how, and the model that was asked for.", ["state", "model"])
TURN_FAILURES = _counter("turn_failures", "Answers that failed, by the code their reader was told.", ["code"])
FIRST_TOKEN_SECONDS = _histogram(
    "turn_first_token_seconds",
    "Time from the beginning of a turn to its first token.",
    buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60),
)
TURN_SECONDS = _histogram(
    "turn_seconds", "How long turns took.", buckets=(0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600)
)
FALLBACKS = _counter("fallbacks", "Answers of another model than the one asked for, by that one.", ["model"])
GENERATIONS = _counter("generations", "Entries in the ledger, by what they were for.", ["kind"])
TOKENS = _counter("tokens", "Tokens that models counted, by kind.", ["kind"])
COST = _counter("cost_usd", "What generations cost, in USD, by what they were for.", ["kind"])
SAVINGS = _counter("cache_savings_usd", "What prompt caching saved, in USD.")
CACHE_LOSSES = _counter("cache_losses_usd", "What writing caches cost that were read too seldom, in USD.")
QUOTA_REFUSALS = _counter(
    "quota_refusals", "Requests refused for a spent quota, by what was spent.", ["measure"]
)
RATE_REFUSALS = _counter("rate_refusals", "Requests and websockets refused for coming too fast.")
JOBS = _counter("jobs", "Jobs that ended, by how.", ["task", "state"])
JOB_SECONDS = _histogram(
    "job_seconds", "How long jobs took.", ["task"], buckets=(0.05, 0.25, 1, 5, 30, 120, 900)
)
BREAKER_OPEN = _gauge(
    "breaker_open", "1 while a model is left alone because it failed.", ["model"], mode="livemax"
)
TURNS_RUNNING = _gauge("turns_running", "Answers being written now.")
STREAMS_OPEN = _gauge("streams_open", "Event streams open now.")
SOCKETS_OPEN = _gauge("sockets_open", "Websockets open now.")

_models: set[str] = set()
_answered: dict[tuple[str, str, int], Any] = {}
_areas: dict[str, Any] = {}


def request_ended(*, method: str, route: str, area: str, status: int, seconds: float) -> None:
    """Count a request. It happens for each, so the places to count at are looked up once."""
    what = (method, route, status)
    counter = _answered.get(what)
    if counter is None:
        counter = _answered[what] = REQUESTS.labels(method, route, str(status))
    counter.inc()
    histogram = _areas.get(area)
    if histogram is None:
        histogram = _areas[area] = REQUEST_SECONDS.labels(area)
    histogram.observe(seconds)


def model_label(model: str) -> str:
    """Return the model's name as a label; beyond `MOST_MODELS` names it is `other`."""
    if model in _models:
        return model
    if len(_models) >= MOST_MODELS:
        return OTHER
    _models.add(model)
    return model


def turn_ended(
    *, state: str, model: str, code: str, has_fallback: bool, first_token_ms: int | None, total_ms: int | None
) -> None:
    """Count a turn; `state` is done, stopped or failed, `code` says why it failed."""
    model = model_label(model)
    TURNS.labels(state, model).inc()
    if code:
        TURN_FAILURES.labels(code).inc()
    if has_fallback:
        FALLBACKS.labels(model).inc()
    if first_token_ms is not None:
        FIRST_TOKEN_SECONDS.observe(first_token_ms / 1000)
    if total_ms is not None:
        TURN_SECONDS.observe(total_ms / 1000)


def booked(*, kind: str, tokens: dict[str, int], cost: Decimal | None, savings: Decimal | None) -> None:
    """Count one entry of the ledger: tokens by kind, money in USD (None is unknown)."""
    GENERATIONS.labels(kind).inc()
    for name, amount in tokens.items():
        if amount:
            TOKENS.labels(name).inc(amount)
    if cost:
        COST.labels(kind).inc(float(cost))
    if savings:
        (SAVINGS if savings > 0 else CACHE_LOSSES).inc(abs(float(savings)))


def breaker_changed(model: str, is_open: bool) -> None:
    """Tell that a model is left alone from now on, or is asked again."""
    BREAKER_OPEN.labels(model_label(model)).set(int(is_open))


# --- Telling ----------------------------------------------------------------------------------------


class _Files:
    """What all processes have counted, the ended ones too; what is open counts for those that live."""

    def __init__(self, more: Iterable[Metric]) -> None:
        self._more = more

    def collect(self) -> Iterator[Metric]:
        files = [str(path) for path in sorted(FOLDER.glob("*.db")) if _counts(path)]
        found = {metric.name: metric for metric in MultiProcessCollector.merge(files)}  # type: ignore[no-untyped-call]
        for metric in _defined:
            for described in metric.describe():
                # One that never happened is told by its name and text: a dashboard can be made before.
                yield found.pop(described.name, described)
        yield from self._more


def _counts(path: Path) -> bool:
    kind, _, number = path.stem.rpartition("_")
    return not kind.startswith("gauge_live") or slots.is_taken(int(number))


def _registry(more: Iterable[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Files(more))
    return registry


def as_text(more: Iterable[Metric] = ()) -> bytes:
    """Return everything in Prometheus' text format; `more` is what is only known at this moment."""
    return generate_latest(_registry(more))


def as_values(more: Iterable[Metric] = ()) -> list[dict[str, Any]]:
    """Return the same as values that JSON can hold."""
    return [
        {
            "name": metric.name,
            "type": metric.type,
            "help": metric.documentation,
            "samples": [
                {"name": sample.name, "labels": sample.labels, "value": sample.value}
                for sample in metric.samples
            ],
        }
        for metric in _registry(more).collect()
    ]
