"""The frozen values that go into and come out of the OpenRouter client.

What a server did not say is `None`, never a zero and never a guess. Money is a `Decimal` of USD.
"""

from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant"]


class CachePoint(Struct, frozen=True):
    """Everything up to and including the part that carries this is worth caching for `ttl`."""

    ttl: Literal["5m", "1h"] = "5m"


class TextPart(Struct, frozen=True, tag=True):
    text: str
    cache: CachePoint | None = None


class ImagePart(Struct, frozen=True, tag=True):
    """`url` is a web address or a `data:` URL."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class FilePart(Struct, frozen=True, tag=True):
    """`data` is a `data:` URL or a web address of the file."""

    filename: str
    data: str


class AudioPart(Struct, frozen=True, tag=True):
    """`data` is plain base64; `format` such as wav, mp3, m4a."""

    data: str
    format: str


Part = TextPart | ImagePart | FilePart | AudioPart


class Message(Struct, frozen=True):
    """`annotations` go back to the server as it sent them: what its parser made of files."""

    role: Role
    parts: tuple[Part, ...]
    annotations: tuple[dict[str, Any], ...] = ()

    @classmethod
    def text(cls, role: Role, text: str) -> "Message":
        return cls(role, (TextPart(text),))


class MaxPrice(Struct, frozen=True):
    """The most that a provider may ask, in USD per million tokens."""

    prompt: Decimal
    completion: Decimal


class ProviderPreferences(Struct, frozen=True):
    """Which of a model's providers OpenRouter may pick. `order` switches off its cache-sticky routing."""

    sort: Literal["price", "latency", "throughput"] | None = None
    order: tuple[str, ...] = ()
    max_price: MaxPrice | None = None
    allow_fallbacks: bool = True
    require_parameters: bool = False


class WebSearch(Struct, frozen=True):
    """How the web is searched for an answer. Domains are bare names such as `example.org`.

    `as_plugin` asks for it in the older form, for models that can't call tools.
    """

    max_results: int | None = None
    allowed_domains: tuple[str, ...] = ()
    excluded_domains: tuple[str, ...] = ()
    as_plugin: bool = False


class ChatRequest(Struct, frozen=True):
    """One question. `fallback_models` are tried in order when `model` fails before its first token.

    `user` is a pseudonym, `session_id` keeps a conversation on the provider that holds its cache.
    `response_schema` is a JSON Schema that the answer has to obey. `automatic_cache` False asks a model that
    charges for caching unasked (GPT-5.6 and later) to cache nothing but marks. `pdf_engine` reads file parts:
    native, cloudflare-ai or mistral-ocr.
    """

    model: str
    messages: tuple[Message, ...]
    fallback_models: tuple[str, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    provider: ProviderPreferences | None = None
    session_id: str | None = None
    user: str | None = None
    web_search: WebSearch | None = None
    response_schema: dict[str, Any] | None = None
    automatic_cache: bool = True
    pdf_engine: str | None = None


class Citation(Struct, frozen=True):
    """A web source; `start` and `end` are offsets in the answer, both 0 when the server did not place it."""

    url: str
    title: str
    start: int
    end: int


class Delta(Struct, frozen=True):
    """Everything that one network read brought, merged."""

    content: str = ""
    reasoning: str = ""
    citations: tuple[Citation, ...] = ()


class Usage(Struct, frozen=True):
    """Token counts of one generation. Cached tokens are part of `prompt_tokens`.

    `fees_usd` is the part of `cost_usd` that tools of the server took, such as searching the web `web_searches` times.
    """

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cached_tokens_read: int | None = None
    cached_tokens_written: int | None = None
    cost_usd: Decimal | None = None
    web_searches: int | None = None
    fees_usd: Decimal | None = None


class Completion(Struct, frozen=True):
    """A whole answer. After a stream `content`, `reasoning` and `citations` are empty: the deltas had them.

    `model` is the one that answered, often by its dated slug. `models_attempted` is empty when the server
    did not say.
    """

    content: str
    reasoning: str
    citations: tuple[Citation, ...]
    finish_reason: str | None
    native_finish_reason: str | None
    model: str | None
    provider: str | None
    generation_id: str | None
    usage: Usage | None
    models_attempted: tuple[str, ...]


class PriceOverride(Struct, frozen=True):
    """Prices that apply strictly above `min_prompt_tokens`; a key that is absent keeps the base price."""

    min_prompt_tokens: int
    pricing: dict[str, Decimal | None]


class ModelInfo(Struct, frozen=True):
    """One model of the catalogue. Prices are USD per token, keyed as the API names them.

    A price that is negative or unreadable (router models say -1) is `None`; one that was not named has no key.
    """

    id: str
    canonical_slug: str | None = None
    name: str | None = None
    context_length: int | None = None
    max_completion_tokens: int | None = None
    input_modalities: tuple[str, ...] | None = None
    output_modalities: tuple[str, ...] | None = None
    pricing: dict[str, Decimal | None] = {}
    price_overrides: tuple[PriceOverride, ...] = ()
    supported_parameters: tuple[str, ...] | None = None


class Endpoint(Struct, frozen=True):
    """One provider of a model. `slug` is how requests name it, `uptime` in % of the last half hour or so."""

    slug: str
    provider: str
    uptime: float | None = None


class Generation(Struct, frozen=True):
    """What OpenRouter recorded about one generation, looked up after the call."""

    id: str
    model: str | None
    provider: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    cost_usd: Decimal | None
    cache_discount_usd: Decimal | None
