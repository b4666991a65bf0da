"""What a question is sent with: its own fields first, then those of its preset, then what the settings say."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chat import habits
from chat.inputs import ChatInput, WebSearchOptions
from chat.models import Conversation
from presets import choosing, keeping, standing, traditions
from presets.models import ModelPreset
from wisqu.accounts.models import User
from wisqu.api import rows
from wisqu.openrouter.types import ChatRequest

FIELDS = keeping.DECISIVE

REQUEST, CONVERSATION, USER, PRESET, SETTINGS = "request", "conversation", "user", "preset", "settings"


@dataclass(frozen=True, slots=True)
class Wishes:
    """A question whose open fields its preset has filled. `sources` tells where each field that is set comes from."""

    chat: ChatInput
    sources: dict[str, str]
    preset: ModelPreset | None = None
    origin: str = ""  # who chose the preset
    # Who asks, where the house's own instructions answer: theirs are the tradition and the language.
    reader: User | None = None

    @property
    def habit(self) -> str:
        """The preset under which it is counted how conversations go on."""
        return habits.habit_of(self.preset_used())

    def preset_used(self) -> dict[str, Any] | None:
        """Return what an answer keeps of the preset, whatever becomes of it later."""
        if self.preset is None:
            return None
        return {
            "id": str(self.preset.id),
            "slug": self.preset.slug,
            "name": self.preset.name,
            "version": self.preset.version,
            "is_public": self.preset.is_public,
            "source": self.origin,
        }

    def applied(self, request: ChatRequest, *, routing_strategy: str) -> dict[str, Any]:
        """Return each setting as it was sent, and where it came from. Of the instructions a fingerprint is kept."""
        values: dict[str, Any] = {
            "model": request.model,
            "fallback_models": list(request.fallback_models),
            "routing_strategy": routing_strategy,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "top_p": request.top_p,
            "web_search": request.web_search is not None,
            "system_prompt": _fingerprint(self.chat.system_prompt or standing.system_prompt()),
        }
        if self.chat.web_search_options is not None:
            values["web_search_options"] = self.chat.web_search_options.model_dump()
        return {
            name: {"value": value, "source": self.sources.get(name, SETTINGS)}
            for name, value in values.items()
        }


def wishes_of(owner_id: uuid.UUID, chat: ChatInput, conversation: Conversation) -> Wishes:
    """Find the preset of a question and fill in what the question leaves open.

    A new conversation keeps the preset that it begins with. Raises NotFound for a preset that is not theirs to use.
    """
    preset, origin = _choose(owner_id, chat, conversation)
    if conversation._state.adding and preset is not None:
        conversation.preset_id = preset.id
    if preset is None and not chat.system_prompt:
        preset, origin = standing.current(), SETTINGS
    sources = {name: REQUEST for name in FIELDS if _is_said(chat, name)}
    filled: dict[str, Any] = {}
    # A preset that this very question asks for goes before the conversation's model, one that stands there after it.
    if "model" not in sources and conversation.model and not (origin == REQUEST and preset and preset.model):
        filled["model"], sources["model"] = conversation.model, CONVERSATION
    if preset is not None:
        for name in FIELDS:
            value = getattr(preset, name)
            if name not in sources and not (value is None or value is False or value == ""):
                filled[name], sources[name] = _read(name, value), PRESET
    reader = None
    if sources.get("system_prompt") != REQUEST and traditions.takes_tradition(preset):
        prompt = filled.get("system_prompt") or standing.system_prompt()
        reader = rows.find(User, id=owner_id)
        filled["system_prompt"] = traditions.completed(prompt, reader.tradition if reader else "")
    return Wishes(chat.model_copy(update=filled) if filled else chat, sources, preset, origin, reader)


def _choose(
    owner_id: uuid.UUID, chat: ChatInput, conversation: Conversation
) -> tuple[ModelPreset | None, str]:
    if chat.preset:
        return choosing.find(user_id=owner_id, reference=chat.preset), REQUEST
    if conversation.preset_id is not None:
        return choosing.by_id(user_id=owner_id, preset_id=conversation.preset_id), CONVERSATION
    if conversation._state.adding:
        return choosing.default_of(owner_id), USER
    return None, ""


def _read(name: str, value: Any) -> Any:
    """Return a preset's value as a question has it."""
    return WebSearchOptions.model_validate(value) if name == "web_search_options" else value


def _is_said(chat: ChatInput, name: str) -> bool:
    if name == "web_search":  # no and nothing are two things
        return name in chat.model_fields_set
    return getattr(chat, name) not in (None, "")


@lru_cache(maxsize=64)
def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
