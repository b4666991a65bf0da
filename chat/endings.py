"""The last events of a stream, as the stored answer tells them: routing, quotations, and how it ended."""

from __future__ import annotations

from chat.documents import message_document
from chat.errors import is_retryable
from chat.events import Done, Event, Failed, Quotations, Routing
from chat.models import Message


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
