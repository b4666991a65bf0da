"""Where the chat is: `api_urlpatterns` belong under /api/v1/, `page_urlpatterns` under /."""

from __future__ import annotations

from django.urls import path

from chat import views
from chat.viewsets import ConversationViewSet, NewestFirst

_list = ConversationViewSet.as_view({"get": "list", "post": "create"})
_one = ConversationViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})
_messages = ConversationViewSet.as_view({"get": "messages"}, pagination_class=NewestFirst)

api_urlpatterns = [
    path("conversations", _list, name="conversations"),
    path("conversations/<uuid:pk>", _one, name="conversation"),
    path("conversations/<uuid:pk>/messages", _messages, name="messages"),
]
page_urlpatterns = [
    path("", views.new_chat, name="new_chat"),
    path("c/<uuid:conversation_id>", views.conversation, name="conversation_page"),
]
