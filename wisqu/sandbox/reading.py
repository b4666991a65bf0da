"""A chat request read into one value, leniently: like the real server it accepts fields it does not know."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from wisqu.sandbox import controls, tokens, unfinished
from wisqu.sandbox.caching import Block, Ttl
from wisqu.sandbox.controls import Controls
from wisqu.sandbox.unfinished import Unfinished

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
KNOWN_FIELDS = frozenset(
    {
        "messages", "model", "models", "route", "provider", "session_id", "user", "usage", "stream",
        "stream_options", "response_format", "modalities", "image_config", "audio", "reasoning",
        "reasoning_effort", "include_reasoning", "tools", "tool_choice", "parallel_tool_calls",
        "cache_control", "prompt_cache_key", "prompt_cache_options", "max_completion_tokens",
        "max_tokens", "temperature", "top_p", "top_k", "top_a", "min_p", "seed", "stop",
        "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "logprobs",
        "top_logprobs", "plugins", "preset", "metadata", "n", "service_tier", "trace", "verbosity",
        "web_search_options", "safety_identifier",
    }
)  # fmt: skip


class BadRequest(Exception):
    """The request itself is wrong: a 400 with this message."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file part: its name and what was sent (a data URL or an address)."""

    filename: str
    data: str


@dataclass(slots=True)
class Ask:
    """What a chat request asks for."""

    body: dict[str, Any]
    models: list[str]
    blocks: list[Block]
    question: str
    system: str
    controls: Controls
    modalities_in: set[str]
    files: list[Attached]
    audio_tokens: int = 0
    stream: bool = False
    max_tokens: int | None = None
    session: str = ""
    user: str | None = None
    unfinished: Unfinished | None = None
    unknown_fields: list[str] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        return sum(block.tokens for block in self.blocks)

    @property
    def reasoning(self) -> bool:
        """Whether reasoning is wanted, shown or not."""
        wanted = self.body.get("reasoning")
        if isinstance(wanted, dict):
            return wanted.get("enabled") is not False and wanted.get("effort") != "none"
        return bool(
            self.body.get("include_reasoning")
            or self.body.get("reasoning_effort")
            or "reasoning" in self.controls
        )

    @property
    def reasoning_hidden(self) -> bool:
        wanted = self.body.get("reasoning")
        return isinstance(wanted, dict) and wanted.get("exclude") is True

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema the answer has to obey; `{}` for plain JSON mode."""
        wanted = self.body.get("response_format")
        if not isinstance(wanted, dict):
            return None
        if wanted.get("type") == "json_object":
            return {"type": "object"}
        if wanted.get("type") != "json_schema":
            return None
        named = wanted.get("json_schema")
        schema = named.get("schema") if isinstance(named, dict) else None
        if not isinstance(schema, dict):
            raise BadRequest("response_format.json_schema.schema: expected an object")
        return schema

    @property
    def caches_only_marks(self) -> bool:
        """Whether models that cache unasked are told not to."""
        options = self.body.get("prompt_cache_options")
        return isinstance(options, dict) and options.get("mode") == "explicit"

    @property
    def searches_web(self) -> bool:
        ids = {each.get("id") for each in _objects(self.body.get("plugins"))}
        types = {each.get("type") for each in _objects(self.body.get("tools"))}
        online = any(":online" in name for name in self.models)
        return "web" in ids or "openrouter:web_search" in types or online

    @property
    def wants_image(self) -> bool:
        modalities = self.body.get("modalities")
        return isinstance(modalities, list) and "image" in modalities

    def plugin(self, plugin_id: str) -> dict[str, Any] | None:
        for each in _objects(self.body.get("plugins")):
            if each.get("id") == plugin_id:
                return each
        return None


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


@dataclass(slots=True)
class _Reader:
    """Gathers blocks, texts and attachments while walking the messages."""

    blocks: list[Block] = field(default_factory=list)
    question: str = ""
    system: list[str] = field(default_factory=list)
    user_texts: list[str] = field(default_factory=list)
    modalities: set[str] = field(default_factory=lambda: {"text"})
    files: list[Attached] = field(default_factory=list)
    audio_tokens: int = 0

    def message(self, index: int, message: object) -> None:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise BadRequest(f"messages.{index}.role: Invalid input")
        role = message["role"]
        content = message.get("content")
        texts: list[str] = []
        extra = tokens.PER_MESSAGE
        if isinstance(content, str):
            self.blocks.append(Block(role, content, tokens.count(content) + extra))
            texts.append(content)
        elif isinstance(content, list):
            for part in content:
                text = self.part(index, role, part, extra)
                extra = 0
                if text is not None:
                    texts.append(text)
        elif content is not None or role in ("user", "system", "developer"):
            raise BadRequest(f"messages.{index}.content: Invalid input")
        if role in ("system", "developer"):
            self.system.extend(texts)
        elif role == "user":
            self.question = "\n".join(texts)
            self.user_texts.append(self.question)

    def part(self, index: int, role: str, part: object, extra: int) -> str | None:
        """Read one content part; its text when it is one."""
        if not isinstance(part, dict):
            raise BadRequest(f"messages.{index}.content: Invalid input")
        kind = part.get("type")
        if kind == "text" and isinstance(part.get("text"), str):
            text: str = part["text"]
            self.blocks.append(Block(role, text, tokens.count(text) + extra, _mark(index, part, text)))
            return text
        if role in ("system", "developer"):
            raise BadRequest(f"messages.{index}.content: only text parts are allowed for the role {role}")
        payload = part.get(kind) if isinstance(kind, str) else None
        if kind not in _MEDIA or not isinstance(payload, dict):
            raise BadRequest(f"messages.{index}.content: Invalid input")
        modality, size = _MEDIA[kind](self, payload)
        self.modalities.add(modality)
        self.blocks.append(Block(role, f"{kind}:{_digest(payload)}", size + extra))
        return None

    def image(self, payload: dict[str, Any]) -> tuple[str, int]:
        return "image", tokens.PER_IMAGE

    def video(self, payload: dict[str, Any]) -> tuple[str, int]:
        return "video", 4 * tokens.PER_IMAGE

    def audio(self, payload: dict[str, Any]) -> tuple[str, int]:
        size = max(1, len(str(payload.get("data", ""))) * 3 // 4 // 16_000) * tokens.PER_AUDIO_SECOND
        self.audio_tokens += size
        return "audio", size

    def file(self, payload: dict[str, Any]) -> tuple[str, int]:
        attached = Attached(str(payload.get("filename") or "file.pdf"), str(payload.get("file_data") or ""))
        self.files.append(attached)
        return "text", pages(attached) * tokens.PER_PAGE


_MEDIA = {
    "image_url": _Reader.image,
    "video_url": _Reader.video,
    "input_audio": _Reader.audio,
    "file": _Reader.file,
}


def pages(attached: Attached) -> int:
    """How many pages a file is taken for: one for each 40 kB."""
    return 1 + len(attached.data) * 3 // 4 // 40_000


def _mark(index: int, part: dict[str, Any], text: str) -> Ttl | None:
    mark = part.get("cache_control")
    if mark is None:
        return None
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
        raise BadRequest(f"messages.{index}.content: cache_control: Invalid input")
    if not text:
        raise BadRequest(f"messages.{index}.content: cache_control cannot be set for empty text blocks")
    if mark.get("ttl", "5m") not in ("5m", "1h"):
        raise BadRequest(f"messages.{index}.content: cache_control.ttl: expected '5m' or '1h'")
    return "1h" if mark.get("ttl") == "1h" else "5m"


def _digest(payload: dict[str, Any]) -> str:
    return hashlib.blake2b(
        repr(sorted(payload.items())).encode("utf-8", "surrogatepass"), digest_size=16
    ).hexdigest()


def _models(body: dict[str, Any]) -> list[str]:
    named = [body["model"]] if body.get("model") else []
    named += body.get("models") or []
    if not named or not all(isinstance(name, str) for name in named):
        raise BadRequest("No models provided")
    return list(dict.fromkeys(named))


def _session(body: dict[str, Any], header: str | None, blocks: list[Block]) -> str:
    """What keeps a conversation on one provider: the named session, else its first two messages."""
    named = body.get("session_id") or header or body.get("prompt_cache_key")
    if isinstance(named, str) and named:
        if len(named) > 256:
            raise BadRequest("session_id: at most 256 characters")
        return named
    first_system = next((block.text for block in blocks if block.role in ("system", "developer")), "")
    first_other = next((block.text for block in blocks if block.role not in ("system", "developer")), "")
    return (
        "~"
        + hashlib.blake2b(f"{first_system}\0{first_other}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    )


def _limit(body: dict[str, Any]) -> int | None:
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise BadRequest("max_tokens: expected a positive integer")
    return limit


def _last_block_marked(body: dict[str, Any], blocks: list[Block]) -> None:
    """A `cache_control` on the request itself marks the last block that can carry one."""
    mark = body.get("cache_control")
    if isinstance(mark, dict) and blocks:
        last = blocks[-1]
        blocks[-1] = Block(last.role, last.text, last.tokens, "1h" if mark.get("ttl") == "1h" else "5m")


def _all_controls(reader: _Reader) -> Controls:
    """The last question's words; faults of structured output last on, so that they meet repairs too."""
    last = controls.parse(reader.question)
    earlier = [word for text in reader.user_texts[:-1] for word in controls.parse(text).faults]
    lasting = tuple(word for word in earlier if "structure" in word.name)
    return Controls(words=last.words, faults=last.faults + lasting)


def read(body: object, *, session_header: str | None = None) -> Ask:
    """Read a request body. Raises BadRequest."""
    if not isinstance(body, dict):
        raise BadRequest("Invalid JSON body: expected an object")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest('Input required: specify "prompt" or "messages"')
    reader = _Reader()
    for tool in _objects(body.get("tools")):
        text = repr(tool)
        reader.blocks.append(Block("tools", text, tokens.count(text)))
    for index, message in enumerate(messages):
        reader.message(index, message)
    _last_block_marked(body, reader.blocks)
    begun = unfinished.find(messages)
    if begun:
        reader.question = begun.question
    user = body.get("user")
    return Ask(
        body=body,
        models=_models(body),
        blocks=reader.blocks,
        question=reader.question,
        system="\n".join(reader.system),
        controls=_all_controls(reader),
        modalities_in=reader.modalities,
        files=reader.files,
        audio_tokens=reader.audio_tokens,
        stream=body.get("stream") is True,
        max_tokens=_limit(body),
        session=_session(body, session_header, reader.blocks),
        user=user if isinstance(user, str) else None,
        unfinished=begun,
        unknown_fields=sorted(set(body) - KNOWN_FIELDS),
    )
