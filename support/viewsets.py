"""Tickets over REST: own ones only, another's do not exist."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from support import serializers, tickets
from support.models import Note, Ticket
from wisqu.accounts.models import User
from wisqu.api import idempotency
from wisqu.api.idempotency import idempotent

TAGS = ["support"]
_KEY = [OpenApiParameter(idempotency.HEADER, str, OpenApiParameter.HEADER)]


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission let nobody else in
    return request.user


class Tickets(generics.ListAPIView[Ticket]):
    """/support/tickets."""

    serializer_class = serializers.TicketSerializer
    queryset = Ticket.objects.none()

    def get_queryset(self) -> QuerySet[Ticket]:
        """Only the asker's own."""
        return Ticket.objects.for_owner(cast(UUID, self.request.user.pk))

    @extend_schema(operation_id="support_tickets", tags=TAGS, summary="Your tickets, the newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List one's own tickets."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="support_tickets_create",
        tags=TAGS,
        summary="Ask the staff",
        request=serializers.NewTicketSerializer,
        responses={201: serializers.WholeTicketSerializer},
        parameters=_KEY,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Open a ticket; `answer_due_at` in the reply is when an answer is promised."""
        facts = serializers.checked(serializers.NewTicketSerializer, request.data)
        ticket = tickets.open_ticket(user=_user(request), via=Note.Via.API, **facts)
        return Response(serializers.WholeTicketSerializer(ticket).data, status=201)


class OneTicket(APIView):
    """/support/tickets/{id}."""

    @extend_schema(
        operation_id="support_ticket",
        tags=TAGS,
        summary="One ticket with what was said",
        responses=serializers.WholeTicketSerializer,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Return one's own ticket."""
        ticket = tickets.find(user_id=_user(request).pk, ticket_id=pk)
        return Response(serializers.WholeTicketSerializer(ticket).data)


class Notes(APIView):
    """/support/tickets/{id}/notes."""

    @extend_schema(
        operation_id="support_ticket_reply",
        tags=TAGS,
        summary="Write back",
        request=serializers.NewNoteSerializer,
        responses={201: serializers.NoteSerializer},
        parameters=_KEY,
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Add to one's own ticket; an answered or closed one is open again."""
        ticket = tickets.find(user_id=_user(request).pk, ticket_id=pk)
        facts = serializers.checked(serializers.NewNoteSerializer, request.data)
        note = tickets.reply(ticket=ticket, via=Note.Via.API, **facts)
        return Response(serializers.NoteSerializer(note).data, status=201)
