"""The providers of a model, how good they have been lately, and which of them serves a request."""

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from wisqu.sandbox.catalogue import Model, Prices

_MILLION = 1_000_000
_SECOND = {
    "anthropic": "Amazon Bedrock",
    "openai": "Azure",
    "google": "Google AI Studio",
}
_CHEAPEST = "Fireworks"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider of a model. `uptime` in % of the last half hour, `latency` in ms, `factor` on the model's prices."""

    provider: str
    uptime: float
    latency: float
    factor: Decimal = Decimal(1)

    @property
    def slug(self) -> str:
        """How requests name it."""
        return self.provider.lower().replace(" ", "-")


class Providers:
    """The providers of every model, whatever uptime a test gave them, and who served which conversation."""

    def __init__(self) -> None:
        self._uptimes: dict[tuple[str, str], float] = {}
        self._served: dict[tuple[str, str], str] = {}

    def clear(self) -> None:
        self._uptimes.clear()
        self._served.clear()

    def set_uptime(self, model: str, provider: str, uptime: float) -> None:
        """From now on that provider (a slug) of the model was up so many % of the time."""
        self._uptimes[model, provider] = uptime

    def of(self, model: Model) -> list[Endpoint]:
        """The usual one first, then a quicker one that is down more often, then a cheap one that is slow."""
        found = [Endpoint(model.provider, 99.9, 450.0)]
        if not model.hidden:
            found.append(Endpoint(_SECOND.get(model.family, "Together"), 98.5, 250.0))
            found.append(Endpoint(_CHEAPEST, 95.0, 900.0, Decimal("0.8")))
        return [replace(each, uptime=self._uptimes.get((model.id, each.slug), each.uptime)) for each in found]

    def serve(self, model: Model, *, preferences: dict[str, Any], session: str) -> Model | None:
        """The model as the chosen provider serves it; None when the preferences leave none."""
        left = [each for each in self.of(model) if _may(each, model, preferences)]
        wished = preferences.get("order")
        order = wished if isinstance(wished, list) else []
        listed = [each for name in order for each in left if name in (each.slug, each.provider)]
        if order and preferences.get("allow_fallbacks") is False:
            left = listed
        if not left:
            return None
        if not order and "sort" not in preferences:
            held = self._served.get((session, model.id))
            left.sort(key=lambda each: each.provider != held)
        chosen = listed[0] if listed else min(left, key=_key(preferences.get("sort")))
        self._served[session, model.id] = chosen.provider
        return replace(
            model,
            served_by=chosen.provider,
            prices=_times(model.prices, chosen.factor),
            overrides=tuple((above, _times(prices, chosen.factor)) for above, prices in model.overrides),
        )


def _key(sort: object) -> Any:
    by = sort.get("by") if isinstance(sort, dict) else sort
    if by == "price":
        return lambda each: each.factor
    if by in ("latency", "throughput"):
        return lambda each: each.latency
    return lambda each: 0  # the first that is left


def _may(endpoint: Endpoint, model: Model, preferences: dict[str, Any]) -> bool:
    """Whether the preferences allow this provider."""
    names = {endpoint.slug, endpoint.provider}
    only, ignored = preferences.get("only"), preferences.get("ignore")
    if isinstance(only, list) and only and not names & {*only}:
        return False
    if isinstance(ignored, list) and names & {*ignored}:
        return False
    most = preferences.get("max_price")
    if isinstance(most, dict):
        for name, price in (("prompt", model.prices.prompt), ("completion", model.prices.completion)):
            limit = _number(most.get(name))
            if limit is not None and price * endpoint.factor * _MILLION > limit:
                return False
    return True


def _number(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _times(prices: Prices, factor: Decimal) -> Prices:
    def scaled(price: Decimal | None) -> Decimal | None:
        return None if price is None else price * factor

    return Prices(
        prompt=prices.prompt * factor,
        completion=prices.completion * factor,
        cache_read=scaled(prices.cache_read),
        cache_write=scaled(prices.cache_write),
        cache_write_1h=scaled(prices.cache_write_1h),
        image_output=scaled(prices.image_output),
    )
