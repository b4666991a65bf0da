"""Pictures: what makers of them take, and the two ways of asking. Pure: values in, bytes out, and back.

OpenRouter has an endpoint for images, and lets models that also write be asked by a chat with `modalities`. A picture
comes back as the server sent it: whoever keeps it decodes it first.
"""

import base64
import binascii
from typing import Any, Literal

import msgspec
from msgspec import Struct

from wisqu.openrouter.errors import (
    ContentRefused,
    InvalidRequest,
    MalformedReply,
    OpenRouterError,
    UpstreamUnavailable,
    from_body,
)
from wisqu.openrouter.types import Usage
from wisqu.openrouter.wire import WireUsage, usage_from

Way = Literal["chat", "images"]
Json = dict[str, Any]

# Base64 of the largest picture that any model sends, with room.
LARGEST_REPLY = 64 * 1024 * 1024

_COMMON = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


class ImageTraits(Struct, frozen=True):
    """How a model is asked for pictures: by which way, which ratios it makes, whether it takes one as an example."""

    way: Way
    aspect_ratios: tuple[str, ...] = _COMMON
    takes_input: bool = True
    takes_seed: bool = True


# The first prefix that fits holds. GPT makes three sizes; Flux writes nothing, so that it has no chat.
_FAMILIES: tuple[tuple[str, ImageTraits], ...] = (
    ("google/gemini-3.1", ImageTraits("chat", (*_COMMON, "1:4", "4:1", "1:8", "8:1"))),
    ("google/", ImageTraits("chat")),
    ("openai/", ImageTraits("images", ("1:1", "2:3", "3:2"), takes_seed=False)),
    ("black-forest-labs/", ImageTraits("images")),
)


def image_traits(
    model_id: str,
    *,
    output_modalities: tuple[str, ...] = ("text", "image"),
    input_modalities: tuple[str, ...] | None = None,
) -> ImageTraits:
    """Return the traits of a model: its family's, or what its modalities say of one that is not known."""
    usual = ImageTraits("chat" if "text" in output_modalities else "images")
    traits = next((each for prefix, each in _FAMILIES if model_id.startswith(prefix)), usual)
    if input_modalities is not None and "image" not in input_modalities:
        traits = msgspec.structs.replace(traits, takes_input=False)
    return traits


class ImageRequest(Struct, frozen=True):
    """A wish for one picture. `inputs` are `data:` URLs of pictures to start from; `user` is a pseudonym."""

    model: str
    prompt: str
    way: Way
    aspect_ratio: str = ""
    seed: int | None = None
    inputs: tuple[str, ...] = ()
    user: str | None = None
    only_images: bool = False

    @property
    def path(self) -> str:
        return "/images" if self.way == "images" else "/chat/completions"


class ImageReply(Struct, frozen=True):
    """What came back. `image` is as the server sent it; `text` is what the model wrote beside it."""

    image: bytes
    text: str
    model: str | None
    provider: str | None
    generation_id: str | None
    usage: Usage | None


class NoImage(OpenRouterError):
    """The model answered, and its answer holds no picture. `reply` has its facts."""

    code = "no_image"
    wording = (
        "The model answered without a picture. Say in the prompt that you want one, or try another model."
    )

    def __init__(self, reply: ImageReply) -> None:
        super().__init__()
        self.reply = reply


# --- requests ---------------------------------------------------------------------------------------------


def encode_image_request(request: ImageRequest) -> bytes:
    """The body of the request. Raises InvalidRequest for text that is not Unicode."""
    body = _endpoint_body(request) if request.way == "images" else _chat_body(request)
    body |= {name: value for name in ("seed", "user") if (value := getattr(request, name)) is not None}
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as error:
        raise InvalidRequest("The text holds characters that are not valid Unicode.") from error


def _endpoint_body(request: ImageRequest) -> Json:
    body: Json = {"model": request.model, "prompt": request.prompt, "n": 1}
    if request.aspect_ratio:
        body["aspect_ratio"] = request.aspect_ratio
    if request.inputs:
        body["input_references"] = [_image_part(url) for url in request.inputs]
    return body


def _chat_body(request: ImageRequest) -> Json:
    content: Any = request.prompt
    if request.inputs:
        parts = [_image_part(url) for url in request.inputs]
        content = [{"type": "text", "text": request.prompt}, *parts]
    body: Json = {
        "model": request.model,
        "messages": [{"role": "user", "content": content}],
        "modalities": ["image"] if request.only_images else ["image", "text"],
    }
    if request.aspect_ratio:
        body["image_config"] = {"aspect_ratio": request.aspect_ratio}
    return body


def _image_part(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


# --- replies ----------------------------------------------------------------------------------------------


class _Url(Struct):
    url: str


class _ChatImage(Struct):
    image_url: _Url


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None
    images: list[_ChatImage] | None = None


class _Choice(Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    native_finish_reason: Any = None
    error: Any = None


class _Datum(Struct):
    b64_json: str | None = None


class _Body(Struct):
    id: str | None = None
    model: str | None = None
    provider: Any = None
    choices: list[_Choice] | None = None
    data: list[_Datum] | None = None
    usage: WireUsage | None = None
    error: Any = None


# How Gemini names a refusal in `native_finish_reason`, beside OpenRouter's own `content_filter`.
_REFUSED = (
    "content_filter",
    "image_safety",
    "prohibited_content",
    "safety",
    "recitation",
    "blocklist",
    "spii",
)


def decode_image_reply(body: bytes, *, generation_id: str | None = None) -> ImageReply:
    """Raises MalformedReply, ContentRefused, NoImage, and whatever error the body tells of."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply from error
    choice = (found.choices or [_Choice()])[0]
    if (told := found.error or choice.error) is not None:
        raise from_body(status=None, error=told)
    if found.choices is None and found.data is None:
        raise MalformedReply
    reply = ImageReply(
        image=_image_of(found, choice),
        text=(choice.message.content if choice.message else None) or "",
        model=found.model,
        provider=found.provider if isinstance(found.provider, str) else None,
        generation_id=found.id or generation_id,
        usage=usage_from(found.usage) if found.usage else None,
    )
    if not reply.image:
        raise ContentRefused() if _is_refusal(choice) else NoImage(reply)
    return reply


def _is_refusal(choice: _Choice) -> bool:
    reasons = (choice.finish_reason, choice.native_finish_reason)
    said = any(isinstance(reason, str) and reason.lower().startswith(_REFUSED) for reason in reasons)
    return said or bool(choice.message and choice.message.refusal)


def _image_of(found: _Body, choice: _Choice) -> bytes:
    """Return the first picture of the reply; nothing where it holds none. Raises MalformedReply."""
    for datum in found.data or ():
        if datum.b64_json:
            return _decoded(datum.b64_json)
    for image in (choice.message.images if choice.message else None) or ():
        head, comma, data = image.image_url.url.partition(",")
        # An address is not followed: where this machine connects to is not for a reply to say.
        if comma and head.startswith("data:") and head.endswith(";base64"):
            return _decoded(data)
    return b""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedReply from error


def too_large() -> OpenRouterError:
    """Return the error of a reply beyond `LARGEST_REPLY`."""
    return UpstreamUnavailable(reason="a reply without end")
