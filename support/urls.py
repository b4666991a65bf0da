"""Where support is: `api_urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from __future__ import annotations

from django.urls import path

from support import views
from support.viewsets import Notes, OneTicket, Tickets

api_urlpatterns = [
    path("support/tickets", Tickets.as_view(), name="tickets"),
    path("support/tickets/<uuid:pk>", OneTicket.as_view(), name="ticket"),
    path("support/tickets/<uuid:pk>/notes", Notes.as_view(), name="ticket_notes"),
]
page_urlpatterns = [
    path("support", views.help_page, name="support"),
    path("support/<uuid:ticket_id>", views.ticket_page, name="ticket_page"),
    path("support/<uuid:ticket_id>/close", views.close, name="ticket_close"),
]
