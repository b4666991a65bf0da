"""What the chat's page shows of images: the door to making one, and those that stand in a conversation."""

from __future__ import annotations

import uuid
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import json_script
from django.utils.safestring import SafeString

from billing.models import PlanLimit
from imagery import palette
from imagery.documents import plain_document
from imagery.models import GeneratedImage
from imagery.words import words

register = template.Library()

# A thread with more of them shows the newest.
MOST = 100


@register.simple_tag
def can_make_images(plan: PlanLimit | None) -> bool:
    """Tell whether the plan has images, and the site too."""
    return bool(settings.IMAGE_GENERATION_ENABLED and plan and plan.image_generation)


@register.simple_tag
def images_enabled() -> bool:
    """Tell whether images are made on this site."""
    return bool(settings.IMAGE_GENERATION_ENABLED)


@register.simple_tag
def image_facts(plan: PlanLimit | None, owner_id: uuid.UUID, conversation: Any) -> SafeString:
    """Return what the chat's scripts need: models, words, and the images of the conversation; one query."""
    rows = GeneratedImage.objects.none()
    if conversation:
        rows = GeneratedImage.objects.for_owner(owner_id).filter(conversation_id=conversation.id)
    painters = palette.painters(allow_advanced=bool(plan and plan.advanced_models))
    facts = {
        "images": [plain_document(image) for image in rows[:MOST]],
        "painters": [painter.facts() for painter in painters],
        "words": words(),
    }
    return json_script(facts, "made")
