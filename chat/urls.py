"""Where the chat is: `api_urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from __future__ import annotations

from django.urls import URLPattern, path

from chat.viewsets import ConversationViewSet

_list = ConversationViewSet.as_view({"get": "list", "post": "create"})
_one = ConversationViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})
_messages = ConversationViewSet.as_view({"get": "messages"})

api_urlpatterns = [
    path("conversations", _list, name="conversations"),
    path("conversations/<uuid:pk>", _one, name="conversation"),
    path("conversations/<uuid:pk>/messages", _messages, name="messages"),
]
page_urlpatterns: list[URLPattern] = []
