"""Our requests as OpenRouter's JSON, cache marks included."""

from typing import Any

import msgspec

from wisqu.openrouter.errors import InvalidRequest
from wisqu.openrouter.types import (
    AudioPart,
    CachePoint,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    Part,
    ProviderPreferences,
    TextPart,
    WebSearch,
)

Json = dict[str, Any]


def encode_request(request: ChatRequest) -> bytes:
    """The body of a streaming chat completion. Raises InvalidRequest for text that is not Unicode."""
    body: Json = {"model": request.model}
    if request.fallback_models:
        body["models"] = list(request.fallback_models)
    body["messages"] = [_message(message) for message in request.messages]
    body["stream"] = True
    # OpenRouter reports usage anyway; other servers want to be asked.
    body["stream_options"] = {"include_usage": True}
    optional = ("temperature", "max_tokens", "top_p", "session_id", "user")
    body |= {name: value for name in optional if (value := getattr(request, name)) is not None}
    if not request.automatic_cache:
        body["prompt_cache_options"] = {"mode": "explicit"}
    if request.web_search is not None:
        body |= _web_search(request.web_search)
    if request.pdf_engine is not None:
        reader = {"id": "file-parser", "pdf": {"engine": request.pdf_engine}}
        body["plugins"] = [*body.get("plugins", ()), reader]
    if request.response_schema is not None:
        body["response_format"] = _schema(request.response_schema)
    if provider := _provider(request):
        body["provider"] = provider
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as error:
        raise InvalidRequest("The text holds characters that are not valid Unicode.") from error


def _message(message: Message) -> Json:
    parts = message.parts
    if all(isinstance(part, TextPart) and part.cache is None for part in parts):
        # A plain string is what every server understands; only a cache mark or a file needs the long form.
        said: Json = {"role": message.role, "content": "".join(part.text for part in parts)}  # type: ignore[union-attr]
    else:
        said = {"role": message.role, "content": [_part(part) for part in parts]}
    return said | ({"annotations": list(message.annotations)} if message.annotations else {})


def _part(part: Part) -> Json:
    match part:
        case TextPart(text, None):
            return {"type": "text", "text": text}
        case TextPart(text, CachePoint(ttl)):
            return {"type": "text", "text": text, "cache_control": _cache_control(ttl)}
        case ImagePart(url, detail):
            return {"type": "image_url", "image_url": {"url": url} | ({"detail": detail} if detail else {})}
        case FilePart(filename, data):
            return {"type": "file", "file": {"filename": filename, "file_data": data}}
        case AudioPart(data, kind):
            return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
    raise TypeError(part)


def _cache_control(ttl: str) -> Json:
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}


def _schema(schema: Json) -> Json:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def _web_search(wanted: WebSearch) -> Json:
    """The present form is a tool that the model calls; the plugin searches before the model is asked."""
    options: Json = {} if wanted.max_results is None else {"max_results": wanted.max_results}
    names = (
        ("include_domains", "exclude_domains")
        if wanted.as_plugin
        else ("allowed_domains", "excluded_domains")
    )
    for name, domains in zip(names, (wanted.allowed_domains, wanted.excluded_domains), strict=True):
        if domains:
            options[name] = list(domains)
    if wanted.as_plugin:
        return {"plugins": [{"id": "web", **options}]}
    return {"tools": [{"type": "openrouter:web_search"} | ({"parameters": options} if options else {})]}


def _provider(request: ChatRequest) -> Json:
    wanted = request.provider
    provider: Json = {} if wanted is None else _preferences(wanted)
    if request.response_schema is not None:
        # Without it OpenRouter may pick a provider that ignores the schema.
        provider["require_parameters"] = True
    return provider


def _preferences(wanted: ProviderPreferences) -> Json:
    provider: Json = {"allow_fallbacks": wanted.allow_fallbacks}
    if wanted.sort:
        provider["sort"] = wanted.sort
    if wanted.order:
        provider["order"] = list(wanted.order)
    if wanted.max_price:
        # As text: an exact price, and what the official client's own model reads.
        provider["max_price"] = {
            "prompt": f"{wanted.max_price.prompt.normalize():f}",
            "completion": f"{wanted.max_price.completion.normalize():f}",
        }
    if wanted.require_parameters:
        provider["require_parameters"] = True
    return provider
