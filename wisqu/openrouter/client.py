"""The only code of WisQu that talks to OpenRouter, or to another server of the same form."""

import asyncio
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from wisqu.openrouter.answer import ChatStream
from wisqu.openrouter.deadlines import Deadlines
from wisqu.openrouter.encoding import encode_request
from wisqu.openrouter.endpoints import decode_endpoints
from wisqu.openrouter.errors import OpenRouterError, UpstreamTimeout
from wisqu.openrouter.keys import KeyState, decode_key
from wisqu.openrouter.retries import pause_before_retry, report
from wisqu.openrouter.types import ChatRequest, Citation, Completion, Endpoint, Generation, ModelInfo
from wisqu.openrouter.wire import decode_generation, decode_models

if TYPE_CHECKING:
    from wisqu.openrouter.sdk import Upstream

__all__ = ["ChatStream", "Deadlines", "OpenRouter"]

_MOST_PAGES = 50
# Unasked OpenRouter lists only what answers with text.
_EVERY_KIND = {"output_modalities": "all"}
_NO_SUCH_PAGE = (404, 405, 501)


class OpenRouter:
    """One a process and event loop. All methods raise OpenRouterError.

    `base_url` may be any OpenAI-compatible server. `app_name` and `app_url` attribute the traffic.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        app_name: str = "",
        app_url: str = "",
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - a frozen value
        max_retries: int = 2,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._headers = _headers(app_name=app_name, app_url=app_url)
        self._deadlines = deadlines
        self._max_retries = max_retries
        self._upstream: Upstream | None = None

    def stream(
        self, request: ChatRequest, *, deadlines: Deadlines | None = None, max_retries: int | None = None
    ) -> ChatStream:
        """An answer as it is written; nothing is sent before it is iterated. Both limits are for this one alone."""
        return ChatStream(
            connect=self.connect,
            body=encode_request(request),
            deadlines=deadlines or self._deadlines,
            max_retries=self._max_retries if max_retries is None else max_retries,
            max_tokens=request.max_tokens,
        )

    async def complete(self, request: ChatRequest) -> Completion:
        """A whole answer. It is streamed upstream too: only so can a stall be told from a long answer."""
        content: list[str] = []
        reasoning: list[str] = []
        citations: list[Citation] = []
        async with self.stream(request) as stream:
            async for delta in stream:
                content.append(delta.content)
                reasoning.append(delta.reasoning)
                citations += delta.citations
        return msgspec.structs.replace(
            stream.completion,
            content="".join(content),
            reasoning="".join(reasoning),
            citations=tuple(citations),
        )

    async def models(self) -> list[ModelInfo]:
        """The catalogue. A server that lists only ids gives models with everything else None."""
        found: list[ModelInfo] = []
        params = dict(_EVERY_KIND)
        for _ in range(_MOST_PAGES):
            models, following = decode_models(await self._get("/models", params))
            found += models
            if not following:
                break
            # Only the query is taken: where we send our key is not for a reply to say.
            params = _EVERY_KIND | dict(parse_qsl(urlsplit(following).query))
        return found

    async def endpoints(self, model: str) -> list[Endpoint]:
        """The providers of a model, and how they have been lately; none where the server has no such listing."""
        try:
            return decode_endpoints(await self._get(f"/models/{quote(model)}/endpoints", {}))
        except OpenRouterError as error:
            if error.status in _NO_SUCH_PAGE:
                return []
            raise

    async def generation(self, generation_id: str) -> Generation | None:
        """What a finished call cost. None when it is not known: too early, or a server without look-up."""
        try:
            return decode_generation(await self._get("/generation", {"id": generation_id}))
        except OpenRouterError as error:
            if error.status in _NO_SUCH_PAGE:
                return None
            raise

    async def key(self) -> KeyState | None:
        """What the key may spend and has spent; None where the server answers and has no such page."""
        try:
            return decode_key(await self._get("/key", {}))
        except OpenRouterError as error:
            if error.status in _NO_SUCH_PAGE:
                return None
            raise

    async def connect(self) -> "Upstream":
        """Loads the SDK, which takes over a second; called at start, it spares the first turn that wait."""
        if self._upstream is None:
            sdk = await asyncio.to_thread(importlib.import_module, "wisqu.openrouter.sdk")
            if self._upstream is None:
                self._upstream = sdk.Upstream(
                    api_key=self._api_key, base_url=self._base_url, headers=self._headers
                )
        return self._upstream

    async def close(self) -> None:
        if self._upstream is not None:
            await self._upstream.close()
            self._upstream = None

    async def _get(self, path: str, params: Mapping[str, str]) -> bytes:
        tried = 0
        while True:
            tried += 1
            try:
                async with asyncio.timeout(self._deadlines.first_byte):
                    return await (await self.connect()).get(path, params)
            except TimeoutError:
                error: OpenRouterError = UpstreamTimeout()
            except OpenRouterError as found:
                error = found
            pause = pause_before_retry(
                error, tried=tried, max_retries=self._max_retries, deadlines=self._deadlines
            )
            if pause is None:
                if error.status not in _NO_SUCH_PAGE:
                    report(error)
                raise error
            await asyncio.sleep(pause)


def _headers(*, app_name: str, app_url: str) -> dict[str, str]:
    headers = {
        "Accept-Encoding": "identity",  # compressed pieces of a stream would cost time and delay
        "X-OpenRouter-Metadata": "enabled",
        "X-OpenRouter-Title": app_name.encode("ascii", "ignore").decode().strip(),
        "HTTP-Referer": app_url,
    }
    return {name: value for name, value in headers.items() if value}
