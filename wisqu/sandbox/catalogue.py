"""The models the sandbox knows: real ids and prices from data/*.json (their `_about` names the sources)."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

Mode = Literal["none", "explicit", "automatic", "both"]

_DATA = Path(__file__).parent / "data"
_FILES = ("models.json", "more_models.json")
_MODES: dict[str, Mode] = {"explicit": "explicit", "automatic": "automatic", "automatic+explicit": "both"}
_SUFFIXES = (":online", ":nitro", ":floor", ":exacto")
_PROVIDERS = {
    "anthropic": "Anthropic",
    "openai": "OpenAI",
    "google": "Google",
    "deepseek": "DeepInfra",
    "meta-llama": "DeepInfra",
    "qwen": "Alibaba",
    "x-ai": "xAI",
    "moonshotai": "Moonshot AI",
    "black-forest-labs": "Black Forest Labs",
}
_FINISH = {
    "anthropic": {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    },
    "google": {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"},
}
# Where the data leaves the minimum open, the vendor's smallest cacheable block.
_LEAST_CACHEABLE = {"google": 1024, "qwen": 1024, "deepseek": 64, "x-ai": 64, "moonshotai": 64}


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per token; None where the catalogue lists no such price."""

    prompt: Decimal
    completion: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    image_output: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalogue."""

    id: str
    canonical_slug: str
    name: str
    retired: bool
    context_length: int
    max_completion_tokens: int | None
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    pricing: dict[str, Any]
    prices: Prices
    overrides: tuple[tuple[int, Prices], ...]
    cache_mode: Mode
    cache_min_tokens: int
    supported_parameters: tuple[str, ...]
    image_pricing: tuple[dict[str, Any], ...] = ()
    per_second: Decimal | None = None
    hidden: bool = False
    family: str = field(default="")
    served_by: str = field(default="")

    @property
    def provider(self) -> str:
        """Who serves the model: `served_by` where one was chosen, else its first provider."""
        return self.served_by or _PROVIDERS.get(self.family, "Sandbox")

    def native_finish(self, reason: str) -> str:
        """How this model's provider itself spells a finish reason."""
        return _FINISH.get(self.family, {}).get(reason, reason)

    def prices_at(self, prompt_tokens: int) -> Prices:
        """The prices for a prompt of that size: the last override it is strictly above."""
        chosen = self.prices
        for above, prices in self.overrides:
            if prompt_tokens > above:
                chosen = prices
        return chosen


def _money(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _prices(raw: dict[str, Any], *, base: Prices | None = None) -> Prices:
    def pick(name: str, otherwise: Decimal | None) -> Decimal | None:
        return _money(raw[name]) if name in raw else otherwise

    if base is None:
        base = Prices(Decimal(0), Decimal(0))
    write = pick("input_cache_write", base.cache_write)
    return Prices(
        prompt=pick("prompt", base.prompt) or Decimal(0),
        completion=pick("completion", base.completion) or Decimal(0),
        cache_read=pick("input_cache_read", base.cache_read),
        cache_write=write,
        cache_write_1h=pick("input_cache_write_1h", base.cache_write_1h),
        image_output=pick("image_output", base.image_output),
    )


def _model(row: dict[str, Any], *, hidden: bool = False) -> Model:
    family = row["id"].split("/")[0]
    prices = _prices(row["pricing"])
    overrides = sorted(row["pricing"].get("overrides", ()), key=lambda each: int(each["min_prompt_tokens"]))
    return Model(
        id=row["id"],
        canonical_slug=row.get("canonical_slug") or row["id"],
        name=row["name"],
        retired=row["status"] == "retired",
        context_length=row["context_length"],
        max_completion_tokens=row["max_completion_tokens"],
        input_modalities=tuple(row["input_modalities"]),
        output_modalities=tuple(row["output_modalities"]),
        pricing=row["pricing"],
        prices=prices,
        overrides=tuple((int(each["min_prompt_tokens"]), _prices(each, base=prices)) for each in overrides),
        cache_mode=_MODES.get(row["cache"]["mode"], "none"),
        cache_min_tokens=row["cache"]["min_tokens"] or _LEAST_CACHEABLE.get(family, 1024),
        supported_parameters=tuple(row.get("supported_parameters", ("max_tokens", "temperature", "top_p"))),
        image_pricing=tuple(row.get("image_pricing") or ()),
        per_second=_money(row.get("per_second")),
        hidden=hidden,
        family=family,
    )


@cache
def _rows() -> dict[str, dict[str, Any]]:
    files = (json.loads((_DATA / name).read_text(encoding="utf-8")) for name in _FILES)
    return {row["id"]: row for file in files for row in file["models"]}


@cache
def models() -> dict[str, Model]:
    """Every model of the data file, by id; retired ones included."""
    return {name: _model(row) for name, row in _rows().items()}


@cache
def _by_slug() -> dict[str, Model]:
    return {model.canonical_slug: model for model in models().values()}


def _hidden(model_id: str) -> Model:
    """`sandbox/...`: priced like gpt-4o-mini, in no listing."""
    row = {
        **_rows()["openai/gpt-4o-mini"],
        "id": model_id,
        "name": f"Sandbox: {model_id}",
        "canonical_slug": model_id,
    }
    return _model(row, hidden=True)


def find(model_id: str) -> Model | None:
    """The model of an id or canonical slug, its routing suffix and preset left aside; None when unknown."""
    name = model_id.split("@preset/")[0].removeprefix("~")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    known = models().get(name) or _by_slug().get(name)
    if known is None and name.startswith("sandbox/"):
        return _hidden(name)
    return known


def listed(*, output: str = "text") -> list[Model]:
    """The models offered now that can produce `output` ('all' for every one)."""
    return [
        model
        for model in models().values()
        if not model.retired and (output == "all" or output in model.output_modalities)
    ]
