"""What a model family supports of prompt caching (how, from how many tokens on, for how long), and of going on.

What a catalogue says of the very model comes first; a family's rule fills what it leaves open. Prices are no traits:
they change more often, and the catalogue has them.
"""

from typing import Literal

from msgspec import Struct

Ttl = Literal["5m", "1h"]

# Seconds that an entry lives after it was last used.
LIFETIME_S: dict[Ttl, int] = {"5m": 300, "1h": 3600}

# Anthropic refuses a fifth mark; the others take at least as many.
MOST_MARKS = 4


class CacheTraits(Struct, frozen=True):
    """`explicit`: marks are obeyed. `automatic`: prompts are cached unasked. `min_tokens`: no shorter prefix is."""

    explicit: bool
    automatic: bool
    min_tokens: int
    ttls: tuple[Ttl, ...] = ("5m",)


class _Family(Struct, frozen=True):
    prefix: str
    mode: str
    min_tokens: int | None = None
    ttls: tuple[Ttl, ...] = ("5m",)


# The first prefix that fits holds, so the narrower ones stand first. Sources: the prompt caching page of OpenRouter's
# documentation (autumn 2026). A minimum of None is not published.
_FAMILIES = (
    *(
        _Family(f"anthropic/claude-{name}", "explicit", minimum, ("5m", "1h"))
        for name, minimum in (
            ("opus-4.5", 4096), ("opus-4.6", 4096), ("haiku-4.5", 4096), ("opus-4.7", 2048), ("3.5-haiku", 2048),
            ("haiku-3.5", 2048), ("opus-4", 1024), ("sonnet-4", 1024), ("3", 1024), ("sonnet-5-", 1024),
        )
    ),
    _Family("anthropic/", "explicit", 512, ("5m", "1h")),
    _Family("google/gemini-2.5-pro", "automatic+explicit", 4096),
    _Family("google/gemini", "automatic+explicit", 1024),
    _Family("openai/", "automatic", 1024),
    _Family("deepseek/", "automatic", 64),
    _Family("x-ai/", "automatic"),
    _Family("moonshotai/", "automatic"),
    _Family("z-ai/", "automatic"),
    _Family("qwen/", "explicit", 1024),
)  # fmt: skip
_UNKNOWN = _Family("", "none")


def cache_traits(
    model_id: str, *, mode: str = "", min_tokens: int | None = None, fallback_min_tokens: int = 1024
) -> CacheTraits:
    """Return the traits of a model. `mode` and `min_tokens` are the catalogue's: "" and None where it is silent.

    `fallback_min_tokens` holds where neither the catalogue nor the family has a minimum.
    """
    family = next((each for each in _FAMILIES if model_id.startswith(each.prefix)), _UNKNOWN)
    modes = (mode or family.mode).split("+")
    minimum = family.min_tokens if min_tokens is None else min_tokens
    return CacheTraits(
        explicit="explicit" in modes,
        automatic="automatic" in modes,
        min_tokens=fallback_min_tokens if minimum is None else minimum,
        ttls=family.ttls,
    )


# Models that go on from an assistant message at the end of the prompt as if it were their own words. Claude does so up
# to 4.5 and refuses it later; the open models do, as the servers that run them complete whatever they are given.
_GO_ON = (
    "anthropic/claude-3", "anthropic/claude-sonnet-4.5", "anthropic/claude-haiku-4.5", "anthropic/claude-opus-4.5",
    "deepseek/", "meta-llama/", "mistralai/", "qwen/",
)  # fmt: skip


def continues_an_answer(model_id: str) -> bool:
    """Tell whether the model goes on from an unfinished answer; the others have to be told what to do with it."""
    return model_id.startswith(_GO_ON)
