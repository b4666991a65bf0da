"""The `openai` SDK and what it stands on. Imported late, by the client alone: it takes over a second.

The SDK brings addresses, authentication and errors; its own retries and its parsing stay switched off. Bytes
go through a small transport of ours on aiohttp, so that a chunk on its way from the socket to `stream.Reply`
crosses aiohttp's reader and nothing else.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterator, Mapping

import aiohttp
import httpx2
from aiohttp.client_proto import ResponseHandler
from openai import APIConnectionError, APIStatusError, AsyncOpenAI
from yarl import URL

from wisqu.openrouter.errors import OpenRouterError, UpstreamUnavailable, from_body, seconds
from wisqu.openrouter.wire import error_of

CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75.0

# The SDK insists on a key; a server on one's own machine needs none and ignores this.
_NO_KEY = "none"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

# What reading from a Body may raise when the connection breaks.
BROKEN = (aiohttp.ClientError, OSError, EOFError)


class Body(httpx2.AsyncByteStream):
    """The bytes of one reply as they come. `read` gives all that waits, at least one byte, b"" at the end."""

    broken = BROKEN

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.read = response.content.readany

    def abort(self) -> None:
        """Closes the connection at once, unless the reply is already over; then it goes back to the pool."""
        self._response.close()

    def leftover(self) -> bytes:
        """What had arrived before the connection broke: aiohttp raises before it hands that out."""
        return self._response.content._read_nowait(-1)

    async def drain(self, seconds: float) -> None:
        """Reads a finished reply to its end, so that the connection can serve again."""
        with contextlib.suppress(TimeoutError, *BROKEN):
            async with asyncio.timeout(seconds):
                while await self.read():
                    pass
        self.abort()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            while data := await self.read():
                yield data

    async def aclose(self) -> None:
        self.abort()


class _Connection(ResponseHandler):
    """aiohttp's connection, which it resumes after each piece that is taken, although it is hardly ever paused."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused:
            super().resume_reading(resume_parser)


class Transport(httpx2.AsyncBaseTransport):
    """httpx's requests over aiohttp, which needs far less time for each piece of a streamed reply."""

    def __init__(self, *, base_url: str) -> None:
        address = URL(base_url)
        self._secure = address.scheme == "https"
        # A proxy from the environment is for the world outside, not for a model on this machine.
        self._by_proxy = address.host not in _LOOPBACK
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._session is None:
            self._session = self._open_session()
        with _as_httpx():
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=request.content or None,
                allow_redirects=False,
            )
        body = Body(response)
        # aiohttp has undone any compression.
        headers = [pair for pair in response.raw_headers if pair[0].lower() != b"content-encoding"]
        return httpx2.Response(response.status, headers=headers, stream=body, extensions={"body": body})

    def _open_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # open streams are bounded by quota, not by a pool in which they would queue unseen
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ssl=httpx2.create_ssl_context() if self._secure else True,
        )
        connector._factory = functools.partial(_Connection, loop=connector._loop)  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            trust_env=self._by_proxy,
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class Upstream:
    """One server, reached through the SDK. Failures come out as OpenRouterError."""

    def __init__(self, *, api_key: str, base_url: str, headers: Mapping[str, str]) -> None:
        transport = Transport(base_url=base_url)
        self._sdk = AsyncOpenAI(
            api_key=api_key or _NO_KEY,
            base_url=base_url,
            max_retries=0,
            timeout=None,
            default_headers=headers,
            # No redirects: they could carry the key to another host.
            http_client=httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False),
        )

    async def open(self, path: str, content: bytes) -> tuple[Body, httpx2.Headers]:
        """POSTs a JSON body; the reply's bytes are still to be read."""
        streaming: bool = True
        with _as_ours():
            response = await self._sdk.post(path, cast_to=httpx2.Response, content=content, stream=streaming)
        return response.extensions["body"], response.headers

    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        with _as_ours():
            response = await self._sdk.get(path, cast_to=httpx2.Response, options={"params": params})
        return response.content

    async def close(self) -> None:
        await self._sdk.close()


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpx2.ConnectTimeout(type(error).__name__) from error
    except BROKEN as error:
        raise httpx2.NetworkError(type(error).__name__) from error


@contextlib.contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except APIStatusError as error:
        raise _refused(error.response) from error
    except (APIConnectionError, httpx2.HTTPError) as error:
        raise UpstreamUnavailable(reason="no connection", automatic_retries=2) from error


def _refused(response: httpx2.Response) -> OpenRouterError:
    wait = seconds(response.headers.get("retry-after"))
    return from_body(status=response.status_code, error=error_of(response.content), retry_after=wait)
