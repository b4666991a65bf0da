"""How a stream ends: its last events (routing, quotations, the end), as the stored answer tells them."""

from __future__ import annotations

from django.db import DatabaseError

from chat.documents import message_document
from chat.errors import is_retryable
from chat.events import Done, Event, Failed, Quotations, Routing
from chat.models import Message

OUR_FAULT = ("internal_error", "Something went wrong on our side.")
_DELETED = ("conversation_deleted", "This conversation was deleted while the answer was being written.")


def ended_elsewhere(answer: Message, text: str) -> Message:
    """Return the answer as somebody else stored it; as failed, with this text, where nothing can be read."""
    try:
        stored: Message = Message.objects.get(id=answer.id)
        if stored.status != Message.Status.STREAMING:
            return stored
        reason = OUR_FAULT  # nobody has closed it yet: the sweeper will
    except Message.DoesNotExist:
        reason = _DELETED
    except DatabaseError:
        reason = OUR_FAULT
    answer.status, answer.content = Message.Status.FAILED, text
    answer.error_code, answer.error_detail = reason
    return answer


def routing_event(message: Message) -> Event:
    """Return the event that tells which models were asked, and which one answered."""
    return Routing(
        message.models_attempted, message.final_model_used, message.fallback_used, message.routing_reason
    )


def quotations_event(message: Message) -> Event | None:
    """Return the event that tells what the answer quotes, if it quotes anything."""
    if not (message.quotations or message.references):
        return None
    return Quotations(message.quotations, message.references)


def final_event(message: Message) -> Event:
    """Return the event that ends the stream of this answer."""
    document = message_document(message)
    if message.status == Message.Status.FAILED:
        return Failed(message.error_code, message.error_detail, is_retryable(message.error_code), document)
    return Done(document)
